//! The page in a real Chromium.

use ::tests::browser::Browser;
use shared::reason::Language;

use super::*;
use crate::session::Passage;

/// Longer than a button has to be held, and shorter.
const LONG: Duration = Duration::from_millis(2500);
const SHORT: Duration = Duration::from_millis(20);

const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";

/// Until a visit that just came takes orders.
const SETTLED: Duration = Duration::from_millis(900);

impl Place {
    /// Opens the page and goes in.
    fn open(&self) -> Option<Browser> {
        let browser = Browser::open(1280, 939).unwrap()?;
        browser.go(&format!("http://{}/", self.page())).unwrap();
        browser.wait("!document.getElementById('door').hidden").unwrap();
        log_in(&browser, NAME, PIN);
        browser.wait("document.getElementById('lane').textContent === 'Lane 3'").unwrap();
        Some(browser)
    }
}

fn log_in(browser: &Browser, name: &str, pin: &str) {
    browser.fill("#name", name).unwrap();
    browser.fill("#pin", pin).unwrap();
    browser.press(ENTER, SHORT).unwrap();
}

fn state_is(browser: &Browser, words: &str) {
    browser.wait(&format!("document.getElementById('state').textContent === '{words}'")).unwrap();
}

/// Everything that was loaded came from the page's own server, and nothing went wrong on the way.
fn stayed_at_home(place: &Place, browser: &Browser) {
    let requests = browser.requests().unwrap();
    let home = format!("http://{}/", place.page());
    assert!(requests.len() > 5, "{requests:?}");
    // Chromium's own start page is inside Chromium.
    let strange = |url: &&String| !["chrome://", "data:", &home].iter().any(|known| url.starts_with(known));
    assert_eq!(requests.iter().filter(strange).collect::<Vec<_>>(), Vec::<&String>::new());
    // 401 before a login is how the page learns that there is no session.
    let console = browser.console().unwrap();
    let strange: Vec<_> = console.iter().filter(|said| !said.contains("401 (Unauthorized)")).collect();
    assert_eq!(strange, Vec::<&String>::new());
}

#[test]
fn the_state_is_shown_as_it_changes() {
    let place = Place::new();
    let Some(browser) = place.open() else { return };
    state_is(&browser, "Ready for the next person");
    for (state, words) in [
        (LaneState::Reading, "Reading a code"),
        (LaneState::Verifying, "Verifying"),
        (LaneState::Capturing, "Looking for the face"),
        (LaneState::Deciding, "Deciding"),
        (LaneState::Outcome { reason: Reason::StatusRevoked, answer: Answer::Refused }, "Refused"),
        (LaneState::Outcome { reason: Reason::Accepted, answer: Answer::Accepted }, "Accepted"),
        (LaneState::AwaitPass, "Gate open: person passing"),
        (LaneState::OutOfService { reason: Reason::CameraFailed, closed_by: None }, "Out of service"),
        (LaneState::Idle, "Ready for the next person"),
    ] {
        place.board.update(|status| status.enter(state));
        state_is(&browser, words);
    }
    // What became of the gate, and of whom an officer did not let in.
    for (passage, words) in [
        (Passage::Passed, "Gate: passed"),
        (Passage::NotPassed, "Gate: opened, nobody passed"),
        (Passage::Forced, "Gate: opened by force"),
    ] {
        place.board.update(|status| {
            status.passage = Some(passage);
            status.enter(LaneState::Passage);
        });
        state_is(&browser, words);
    }
    place.board.update(|status| status.enter(LaneState::Declined));
    state_is(&browser, "An officer did not let the person in");
    // A gate that failed and works again has to be looked at by somebody, who then opens the lane.
    let reopens = "document.getElementById('reopen').hidden === false";
    place.board.update(|status| {
        status.enter(LaneState::OutOfService { reason: Reason::GateFailed, closed_by: None });
    });
    browser.wait(reopens).unwrap();
    // The sentences are those of the reasons, in the language of choice.
    let closed = LaneState::OutOfService { reason: Reason::CameraFailed, closed_by: None };
    place.board.update(|status| status.enter(closed));
    for language in Language::ALL {
        browser.run(&format!("const choice = document.getElementById('language'); choice.value = '{language}'; choice.dispatchEvent(new Event('change'))")).unwrap();
        let sentence = Reason::CameraFailed.sentence(language);
        browser.wait(&format!("document.getElementById('why').textContent === {}", json!(sentence))).unwrap();
        browser.wait(&format!("document.documentElement.lang === '{language}'")).unwrap();
    }
    stayed_at_home(&place, &browser);
}

/// Opens the page with a visit that waits and takes decisions.
fn with_visit(place: &Place) -> Option<Browser> {
    let browser = place.open()?;
    place.wait_for_officer(7);
    settle(&browser);
    Some(browser)
}

fn settle(browser: &Browser) {
    browser.wait("document.querySelector('.visit')").unwrap();
    thread::sleep(SETTLED);
}

#[test]
fn a_visit_that_waits_is_decided_deliberately() {
    let place = Place::new();
    let Some(browser) = with_visit(&place) else { return };
    let card = browser.text(".visit").unwrap();
    assert!(card.contains("SAMPLE, CANARY 01") && card.contains("female"), "{card}");
    assert!(card.contains(Reason::FaceOfficer.sentence(Language::En)), "{card}");
    // With the keyboard.
    browser.press("2", SHORT).unwrap();
    browser.wait("document.activeElement.classList.contains('admit')").unwrap();
    browser.press(" ", LONG).unwrap();
    until("the order", || !place.orders().is_empty());
    let (row, admit, reason) = (7, true, OverrideReason::DocumentChecked);
    assert_eq!(place.orders(), [Order::Decide { row, admit, reason, operator: NAME.to_owned() }]);
    browser
        .wait("!document.querySelector('.visit') && document.querySelector('#decisions tbody tr')")
        .unwrap();
    assert!(browser.text("#decisions").unwrap().contains("let pass"));
    assert_eq!(browser.run("return document.documentElement.outerHTML.includes('CANARY')").unwrap(), false);
    // And with the mouse, the other way.
    place.wait_for_officer(8);
    settle(&browser);
    browser.click(".visit input[value=not-the-holder]").unwrap();
    browser.hold(".hold.refuse", LONG).unwrap();
    until("the second order", || place.orders().len() == 2);
    let (row, admit, reason) = (8, false, OverrideReason::NotTheHolder);
    assert_eq!(place.orders()[1], Order::Decide { row, admit, reason, operator: NAME.to_owned() });
    stayed_at_home(&place, &browser);
}

#[test]
fn nothing_is_decided_by_accident() {
    let place = Place::new();
    let Some(browser) = with_visit(&place) else { return };
    // On a busy machine a short press may last: then, and only then, it counts as a long one.
    let watch = "window.longest = 0; let down = 0;
                 for (const name of ['keydown', 'pointerdown'])
                   addEventListener(name, (event) => { if (event.key !== 'Enter') down = performance.now() }, true);
                 for (const name of ['keyup', 'pointerup'])
                   addEventListener(name, () => { if (down) longest = Math.max(longest, performance.now() - down); down = 0 }, true)";
    // Without a reason nothing happens, however long it is held.
    browser.hold(".hold.admit", LONG).unwrap();
    assert!(browser.text(".visit .reply").unwrap().contains("Choose a reason first"));
    browser.run(watch).unwrap();
    browser.press("1", SHORT).unwrap();
    browser.wait("document.activeElement.classList.contains('admit')").unwrap();
    for (key, held) in [(ENTER, SHORT), (ENTER, LONG), (ESCAPE, SHORT), (" ", SHORT)] {
        browser.press(key, held).unwrap();
    }
    browser.click(".hold.admit").unwrap();
    // What a scanner types: digits, letters and blanks, and Enter at the end.
    for key in "1 OK 2 8 7".chars().map(String::from).chain([ENTER.to_owned()]) {
        browser.press(&key, Duration::ZERO).unwrap();
    }
    let longest = browser.run("return window.longest").unwrap().as_f64().unwrap();
    assert!(longest > 0.0, "the presses arrived");
    assert!(place.orders().is_empty() || longest > 590.0, "{longest} {:?}", place.orders());
    // A reason to keep it shut opens nothing.
    if place.orders().is_empty() {
        browser.press("4", SHORT).unwrap();
        browser.hold(".hold.admit", LONG).unwrap();
        assert_eq!(place.orders(), []);
    }
}

#[test]
fn the_lane_is_closed_tested_and_opened_again() {
    let place = Place::new();
    let Some(browser) = place.open() else { return };
    browser.click("#close").unwrap();
    browser.wait("document.getElementById('sure').open").unwrap();
    browser.press(ENTER, SHORT).unwrap();
    browser.wait("!document.getElementById('sure').open").unwrap();
    browser.click("#close").unwrap();
    browser.press(ESCAPE, SHORT).unwrap();
    browser.wait("!document.getElementById('sure').open").unwrap();
    assert_eq!(place.orders(), [], "Enter and Escape lead back");
    browser.click("#close").unwrap();
    browser.click("#sure-do").unwrap();
    state_is(&browser, "Closed by Officer One");
    assert_eq!(place.orders(), [Order::Close { operator: NAME.to_owned() }]);
    browser.click("#self-test").unwrap();
    browser.wait("document.querySelectorAll('#tested li').length === 2").unwrap();
    assert!(browser.text("#tested").unwrap().contains("Not all good: 1"));
    browser.click("#reopen").unwrap();
    browser.click("#sure-do").unwrap();
    state_is(&browser, "Ready for the next person");
    browser.click("#logout").unwrap();
    browser.wait("!document.getElementById('door').hidden").unwrap();
    assert!(!browser.text("body").unwrap().contains("Lane 3 border"));
    stayed_at_home(&place, &browser);
}

#[test]
fn not_ready_looks_different_from_invalid() {
    let place = Place::new();
    let Some(browser) = place.open() else { return };
    let look = || {
        let seen = browser.run(
            "return [document.querySelector('#shape use').getAttribute('href'), document.getElementById('now').className, \
             getComputedStyle(document.getElementById('now')).borderStyle, document.getElementById('trust').className, \
             document.getElementById('state').textContent, document.getElementById('trust').textContent, \
             document.getElementById('why').textContent]",
        );
        let seen = seen.unwrap();
        seen.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let closed = |reason| LaneState::OutOfService { reason, closed_by: None };
    place.board.update(|status| {
        status.trust = Trust::NotReady;
        status.enter(closed(Reason::TrustMissing));
    });
    state_is(&browser, "Not ready: never set up");
    let not_ready = look();
    place.board.update(|status| {
        status.trust = Trust::Invalid;
        status.enter(closed(Reason::TrustInvalid));
    });
    state_is(&browser, "Out of service");
    let invalid = look();
    for (one, other) in not_ready.iter().zip(&invalid) {
        assert_ne!(one, other);
    }
    assert!(!not_ready.join(" ").to_lowercase().contains("invalid"), "{not_ready:?}");
    assert!(invalid[5].contains("Invalid"), "{invalid:?}");
}

#[test]
fn a_wrong_pin_code_has_to_wait_and_the_page_says_so() {
    let place = Place::new();
    let Some(browser) = Browser::open(1280, 939).unwrap() else { return };
    browser.go(&format!("http://{}/", place.page())).unwrap();
    browser.wait("!document.getElementById('door').hidden").unwrap();
    log_in(&browser, NAME, "285094");
    browser.wait("document.getElementById('login-said').textContent.includes('wrong')").unwrap();
    until("a wait", || {
        log_in(&browser, NAME, "285094");
        thread::sleep(Duration::from_millis(300));
        browser.text("#login-said").unwrap().contains("Too many tries. Wait")
    });
    browser.wait("document.getElementById('login-button').disabled").unwrap();
    browser.wait("!document.getElementById('login-button').disabled").unwrap();
    // Who has waited gets in.
    log_in(&browser, NAME, PIN);
    browser.wait("!document.getElementById('desk').hidden").unwrap();
}

#[test]
fn old_news_is_never_taken_for_the_present() {
    let mut place = Place::new();
    let Some(browser) = place.open() else { return };
    place.wait_for_officer(7);
    browser.wait("document.querySelector('.visit')").unwrap();
    place.hang();
    browser.wait("document.getElementById('lost').textContent.includes('has not spoken')").unwrap();
    browser.press("1", SHORT).unwrap();
    browser.press(" ", LONG).unwrap();
    assert_eq!(place.board.orders(), [], "what is old is not decided");
    // The server goes, and with it the page's only source.
    let settings = settings::Operator::default();
    place.handle = serve(&settings, place.folder.path(), &place.board, &place.metrics).unwrap();
    browser.wait("document.getElementById('lost').textContent.includes('lost the lane')").unwrap();
}
