//! What both stores have to do.

use super::*;

pub(super) fn visit_at(person: u8, organization: &str, service: &str) -> Visit {
    let party = RelyingParty::new(organization, service).unwrap();
    let ids = PairwiseSecret::from_slice(&[person; 32]).unwrap().identifiers(&party);
    Visit {
        party,
        machine: "0123456789abcdef".into(),
        openid: ids.openid,
        unionid: ids.unionid,
        document: None,
        assurance: "face",
        at: at(0),
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
}

pub(super) fn clerk(name: &str) -> Clerk<'_> {
    Clerk { name, note: None, at: at(100) }
}

pub(super) fn ids_of(visit: &Visit) -> [Identifier; 2] {
    [
        identifier(Kind::Openid, &visit.party.service(), &visit.openid.to_string()),
        identifier(Kind::Unionid, visit.party.organization(), &visit.unionid.to_string()),
    ]
}

pub(super) fn account(name: &str) -> AccountId {
    AccountId::parse(name).unwrap()
}

pub(super) fn create(settings: &Settings) -> Accounts {
    Accounts::create(settings, "grand.example").unwrap()
}

/// What happened, as words.
pub(super) fn history(accounts: &mut Accounts) -> Vec<String> {
    accounts.events(0).unwrap().into_iter().map(|event| event.what).collect()
}

pub(super) fn quadrants(settings: &Settings) {
    let mut accounts = create(settings);
    let first = accounts.visit(&visit(1)).unwrap();
    assert_eq!(first.outcome, Outcome::Created);
    let account = first.account.clone().unwrap();
    let says = |accounts: &mut Accounts, visit: &Visit| {
        let binding = accounts.visit(visit).unwrap();
        (binding.outcome, binding.account)
    };
    assert_eq!(says(&mut accounts, &visit(1)), (Outcome::Matched, Some(account.clone())));
    let taipa = visit_at(1, "grand.example", "taipa");
    assert_eq!(says(&mut accounts, &taipa), (Outcome::Linked, Some(account.clone())));
    assert_eq!(says(&mut accounts, &taipa), (Outcome::Matched, Some(account.clone())));
    assert_ne!(says(&mut accounts, &visit(2)).1, Some(account.clone()));
    assert_eq!(history(&mut accounts), ["created", "bound", "bound", "bound", "created", "bound", "bound"]);

    // A directory from before, that knows an openid alone.
    let old = visit(3);
    let actor = Actor { by: "import", at: at(0), assurance: "desk" };
    within(accounts.directory.as_mut(), |transaction| {
        let mut rows = Rows(transaction);
        rows.create(&self::account("old"), None, &actor)?;
        rows.bind(&self::account("old"), &ids_of(&old)[0], None, &actor)
    })
    .unwrap();
    assert_eq!(says(&mut accounts, &old), (Outcome::Matched, Some(self::account("old"))));
    let bindings = accounts.show(&self::account("old")).unwrap();
    let known: Vec<&Identifier> = bindings.iter().map(|binding| &binding.identifier).collect();
    assert_eq!(known, ids_of(&old).iter().collect::<Vec<_>>(), "the unionid was added");
    let taipa = visit_at(3, "grand.example", "taipa");
    assert_eq!(says(&mut accounts, &taipa), (Outcome::Linked, Some(self::account("old"))));

    // Everything is still there for whoever opens it later.
    let mut again = Accounts::open(settings).unwrap();
    assert_eq!(says(&mut again, &visit(1)), (Outcome::Matched, Some(account)));
    assert_eq!(again.list().unwrap().0.len(), 3);
}

pub(super) fn documents(settings: &Settings) {
    let mut accounts = create(settings);
    let issuer = "https://id.xa.example";
    let number = |accounts: &Accounts, number| {
        accounts.document_key.as_ref().unwrap().of(issuer, "id", number).unwrap()
    };
    accounts.add(&account("member-7"), issuer, "XA 7", clerk("ana")).unwrap();
    accounts.add(&account("member-7"), issuer, "XA 8", clerk("ana")).unwrap_err();
    accounts.add(&account("member-8"), issuer, "xa-7", clerk("ana")).unwrap_err();
    let shown = Visit { document: Some(number(&accounts, "XA7")), ..visit(1) };
    let asked = accounts.visit(&shown).unwrap();
    assert_eq!((asked.outcome, &asked.account), (Outcome::Choose, &None));
    assert_eq!(asked.candidates, [account("member-7")]);
    assert_eq!(accounts.visit(&shown).unwrap().question, asked.question, "asked once");
    assert_eq!(accounts.list().unwrap().1.len(), 1);
    let question = asked.question.unwrap();
    accounts.resolve(question, &Choice::Account(account("nobody")), clerk("ana")).unwrap_err();
    let resolved = accounts.resolve(question, &Choice::Account(account("member-7")), clerk("ana"));
    assert_eq!(resolved.unwrap(), Resolution::Answered(account("member-7")));
    accounts.resolve(question, &Choice::New, clerk("ana")).unwrap_err();
    let matched = accounts.visit(&shown).unwrap();
    assert_eq!((matched.outcome, matched.account), (Outcome::Matched, Some(account("member-7"))));

    // Somebody else with a document of the same number is asked about, too, and is a new person after all.
    let other = Visit { document: shown.document.clone(), ..visit(2) };
    let question = accounts.visit(&other).unwrap().question.unwrap();
    let Resolution::Answered(new) = accounts.resolve(question, &Choice::New, clerk("ana")).unwrap() else {
        panic!("one person is enough")
    };
    assert_eq!(accounts.visit(&other).unwrap().account, Some(new.clone()));
    assert_eq!(accounts.show(&new).unwrap().len(), 2, "the document stays whose it was");

    // Another secret for the same person, as after an enrolment from nothing: found by the document that the first
    // visit brought along.
    let first = Visit { document: Some(number(&accounts, "XA9")), ..visit(3) };
    let known = accounts.visit(&first).unwrap().account.unwrap();
    let second = Visit { document: first.document.clone(), ..visit(4) };
    assert_eq!(accounts.visit(&second).unwrap().candidates, [known]);
}

pub(super) fn conflict(settings: &Settings) {
    let mut accounts = create(settings);
    let here = visit(1);
    let a = accounts.visit(&here).unwrap().account.unwrap();
    let b = accounts.visit(&visit(2)).unwrap().account.unwrap();
    // The unionid of the first person went to the second account, by hand.
    let [_, unionid] = ids_of(&here);
    let actor = Actor { by: "somebody", at: at(1), assurance: "desk" };
    within(accounts.directory.as_mut(), |transaction| Rows(transaction).bind(&b, &unionid, None, &actor))
        .unwrap();
    let before = accounts.show(&a).unwrap();
    let asked = accounts.visit(&here).unwrap();
    assert_eq!((asked.outcome, &asked.account), (Outcome::Conflict, &None));
    assert_eq!(asked.candidates, [a.clone(), b.clone()]);
    assert_eq!(accounts.show(&a).unwrap(), before, "nothing is merged");

    let question = asked.question.unwrap();
    let mut says = |choice: &Choice, name: &str| accounts.resolve(question, choice, clerk(name)).ok();
    let (is_a, is_b) = (Choice::Account(a.clone()), Choice::Account(b));
    assert_eq!(says(&Choice::New, "ana"), None);
    assert_eq!(says(&Choice::Account(account("third")), "ana"), None);
    assert_eq!(says(&is_a, "ana"), Some(Resolution::Proposed));
    assert_eq!(says(&is_a, "ana"), None, "one person is not two");
    assert_eq!(says(&is_b, "bo"), Some(Resolution::Proposed), "they disagree");
    assert_eq!(says(&is_a, "ana"), Some(Resolution::Proposed));
    assert_eq!(says(&is_a, "bo"), Some(Resolution::Answered(a.clone())));
    let matched = accounts.visit(&here).unwrap();
    assert_eq!((matched.outcome, matched.account), (Outcome::Matched, Some(a)));
    let moved = accounts.events(0).unwrap().into_iter().filter(|event| event.what == "moved");
    let moved: Vec<_> = moved.map(|event| (event.by, event.identifier.unwrap(), event.question)).collect();
    assert_eq!(moved.len(), 2);
    assert_eq!(moved[1], ("bo".to_owned(), unionid, Some(question)));
}

/// A question whose answer would take from an account what it got since.
pub(super) fn overtaken(settings: &Settings) {
    let mut accounts = create(settings);
    let issuer = "https://id.xa.example";
    accounts.add(&account("member-7"), issuer, "XA7", clerk("ana")).unwrap();
    accounts.add(&account("member-8"), issuer, "XA8", clerk("ana")).unwrap();
    let document = accounts.document_key.as_ref().unwrap().of(issuer, "id", "XA7");
    let asked = |accounts: &mut Accounts, service| {
        let visit = Visit { document: document.clone(), ..visit_at(1, "grand.example", service) };
        accounts.visit(&visit).unwrap().question.unwrap()
    };
    let (lisboa, taipa) = (asked(&mut accounts, "lisboa"), asked(&mut accounts, "taipa"));
    assert_ne!(lisboa, taipa, "the same person, at two services");
    let member = |number| Choice::Account(account(&format!("member-{number}")));
    let error = accounts.resolve(lisboa, &member(8), clerk("ana")).unwrap_err().to_string();
    assert!(error.contains("not about"), "{error}");
    let Resolution::Answered(new) = accounts.resolve(lisboa, &Choice::New, clerk("ana")).unwrap() else {
        panic!("nothing is anybody's yet")
    };
    // The unionid is the new account's now.
    let before = accounts.show(&new).unwrap();
    let error = accounts.resolve(taipa, &Choice::New, clerk("bo")).unwrap_err().to_string();
    assert!(error.contains(new.as_str()), "{error}");
    assert_eq!(accounts.resolve(taipa, &member(7), clerk("bo")).unwrap(), Resolution::Proposed);
    accounts.resolve(taipa, &member(7), clerk("bo")).unwrap_err();
    assert_eq!(accounts.show(&new).unwrap(), before, "one person moves nothing");
    let question = accounts.list().unwrap().1.remove(0);
    assert_eq!(
        (question.kind.as_str(), question.candidates),
        ("conflict", vec![account("member-7"), new.clone()])
    );
    let answered = accounts.resolve(taipa, &member(7), clerk("ana")).unwrap();
    assert_eq!(answered, Resolution::Answered(account("member-7")));

    // One person is enough for the account that has it.
    let asked_of = |accounts: &mut Accounts, person, service| {
        let visit = Visit { document: document.clone(), ..visit_at(person, "grand.example", service) };
        accounts.visit(&visit).unwrap().question.unwrap()
    };
    let (lisboa, taipa) = (asked_of(&mut accounts, 2, "lisboa"), asked_of(&mut accounts, 2, "taipa"));
    let Resolution::Answered(other) = accounts.resolve(lisboa, &Choice::New, clerk("ana")).unwrap() else {
        panic!("nothing is anybody's yet")
    };
    let answered = accounts.resolve(taipa, &Choice::Account(other.clone()), clerk("ana")).unwrap();
    assert_eq!(answered, Resolution::Answered(other));

    // What is asked anew is answered anew.
    let here = visit(3);
    let a = accounts.visit(&here).unwrap().account.unwrap();
    accounts.set_bound(&a, None, false, clerk("ana")).unwrap();
    let choose = accounts.visit(&here).unwrap();
    assert_eq!((choose.outcome, &choose.candidates), (Outcome::Choose, &vec![a.clone()]));
    let b = accounts.visit(&visit(4)).unwrap().account.unwrap();
    accounts.set_bound(&a, Some(Kind::Openid), true, clerk("ana")).unwrap();
    let [_, unionid] = ids_of(&here);
    within(accounts.directory.as_mut(), |transaction| {
        Rows(transaction).bind(&b, &unionid, None, &clerk_actor())
    })
    .unwrap();
    let conflict = accounts.visit(&here).unwrap();
    assert_eq!((conflict.outcome, conflict.question), (Outcome::Conflict, choose.question));
    let question = accounts.list().unwrap().1.remove(0);
    assert_eq!((question.kind.as_str(), question.candidates), ("conflict", vec![a, b]));
    let asked = accounts.events(0).unwrap().into_iter().filter(|event| event.question == choose.question);
    assert_eq!(asked.map(|event| event.note.unwrap()).collect::<Vec<_>>(), ["choose", "conflict"]);
}

pub(super) fn released(settings: &Settings) {
    let mut accounts = create(settings);
    let known = accounts.visit(&visit(1)).unwrap().account.unwrap();
    assert_eq!(accounts.set_bound(&known, Some(Kind::Openid), false, clerk("ana")).unwrap(), 1);
    let asked = accounts.visit(&visit(1)).unwrap();
    assert_eq!((asked.outcome, asked.candidates), (Outcome::Choose, vec![known.clone()]));
    assert_eq!(accounts.set_bound(&known, None, true, clerk("ana")).unwrap(), 1);
    assert_eq!(accounts.visit(&visit(1)).unwrap().outcome, Outcome::Matched);
    assert!(accounts.list().unwrap().1.is_empty(), "the question answered itself");

    assert_eq!(accounts.set_bound(&known, None, false, clerk("ana")).unwrap(), 2);
    assert_eq!(accounts.set_bound(&known, None, false, clerk("ana")).unwrap(), 0);
    let question = accounts.visit(&visit(1)).unwrap().question.unwrap();
    let Resolution::Answered(new) = accounts.resolve(question, &Choice::New, clerk("ana")).unwrap() else {
        panic!("one person is enough")
    };
    assert_ne!(new, known);
    assert_eq!(accounts.visit(&visit(1)).unwrap().account, Some(new));
    assert_eq!(accounts.set_bound(&known, None, true, clerk("ana")).unwrap(), 0, "they are somebody else's");
    let history = history(&mut accounts);
    assert!(history.iter().filter(|what| *what == "released").count() == 3, "{history:?}");
    accounts.set_bound(&account("nobody"), None, false, clerk("ana")).unwrap_err();
}

pub(super) fn erased(settings: &Settings) {
    let mut accounts = create(settings);
    let guest = Visit { document: Some("d".repeat(64)), ..visit(1) };
    let known = accounts.visit(&guest).unwrap().account.unwrap();
    let kept = accounts.visit(&visit(2)).unwrap().account.unwrap();
    // Somebody else is asked about because of the same document.
    let other = Visit { document: guest.document.clone(), ..visit(3) };
    let question = accounts.visit(&other).unwrap().question.unwrap();
    accounts.set_bound(&known, Some(Kind::Unionid), false, clerk("ana")).unwrap();

    accounts.erase(&account("nobody"), clerk("ana")).unwrap_err();
    assert_eq!(accounts.erase(&known, clerk("ana")).unwrap(), 3);
    accounts.show(&known).unwrap_err();
    let (left, questions) = accounts.list().unwrap();
    assert_eq!((left.len(), &left[0].id), (1, &kept));
    assert_eq!(
        (questions[0].id, questions[0].candidates.len(), &questions[0].document),
        (question, 0, &None)
    );
    let events = accounts.events(0).unwrap();
    let last = events.last().unwrap();
    assert_eq!(
        (last.what.as_str(), last.account.as_ref(), last.by.as_str()),
        ("erased", Some(&known), "ana")
    );
    let named: Vec<&Identifier> = events.iter().filter_map(|event| event.identifier.as_ref()).collect();
    assert!(
        ids_of(&guest).iter().all(|id| !named.contains(&id))
            && named.iter().all(|id| id.kind != Kind::Document)
    );
    assert!(ids_of(&visit(2)).iter().all(|id| named.contains(&id)), "nobody else is forgotten");

    let answered = accounts.resolve(question, &Choice::New, clerk("ana")).unwrap();
    assert!(matches!(answered, Resolution::Answered(_)));
    let again = accounts.visit(&visit(1)).unwrap();
    assert_eq!(again.outcome, Outcome::Created);
    assert_ne!(again.account, Some(known));
    assert_eq!(accounts.visit(&visit(2)).unwrap().account, Some(kept));
}

/// Kiosks of two services, four of each, see the same new people at the same moment.
pub(super) fn at_once(settings: &Settings) {
    const KIOSKS: usize = 8;
    const PEOPLE: u8 = 12;
    drop(create(settings));
    let barrier = Arc::new(Barrier::new(KIOSKS));
    let kiosk = |number: usize| {
        let (settings, barrier) = (settings.clone(), barrier.clone());
        thread::spawn(move || {
            let mut accounts = Accounts::open(&settings).unwrap();
            let service = ["lisboa", "taipa"][number % 2];
            let visit = |person| {
                barrier.wait();
                let document = Some(format!("{person:064x}"));
                let visit = Visit { document, ..visit_at(person, "grand.example", service) };
                // A busy directory may say so; the visitor is known at the next visit.
                let binding = (0..10).find_map(|_| accounts.visit(&visit).ok()).unwrap();
                (person, binding.outcome, binding.account.unwrap())
            };
            (1..=PEOPLE).map(visit).collect::<Vec<_>>()
        })
    };
    let kiosks: Vec<_> = (0..KIOSKS).map(kiosk).collect();
    let all: Vec<_> = kiosks.into_iter().flat_map(|kiosk| kiosk.join().unwrap()).collect();
    for person in 1..=PEOPLE {
        let own: Vec<_> = all.iter().filter(|(of, ..)| *of == person).collect();
        assert_eq!(own.len(), KIOSKS);
        assert!(own.iter().all(|(_, _, account)| *account == own[0].2), "one account, not two");
        let count = |wanted| own.iter().filter(|(_, outcome, _)| *outcome == wanted).count();
        assert_eq!((count(Outcome::Created), count(Outcome::Linked)), (1, 1), "{own:?}");
    }
    let mut accounts = Accounts::open(settings).unwrap();
    assert_eq!(accounts.list().unwrap().0.len(), usize::from(PEOPLE));
    let history = history(&mut accounts);
    let count = |wanted| history.iter().filter(|what| *what == wanted).count();
    let people = usize::from(PEOPLE);
    assert_eq!(
        (count("created"), count("bound")),
        (people, 4 * people),
        "two openids, a unionid, a document"
    );
}

pub(super) fn append_only(settings: &Settings) {
    let mut accounts = create(settings);
    accounts.visit(&visit(1)).unwrap();
    for statement in [
        "UPDATE binding_event SET done_by = 'nobody'",
        "UPDATE binding_event SET value = 'another'",
        "UPDATE binding_event SET value = NULL, account = 'another'",
        "UPDATE binding_event SET value = NULL, note = 'another'",
        "DELETE FROM binding_event",
    ] {
        let refused = within(accounts.directory.as_mut(), |transaction| transaction.run(statement, &[]));
        let error = format!("{:?}", refused.unwrap_err());
        assert!(error.contains("what happened is not"), "{error}");
    }
    assert_eq!(history(&mut accounts).len(), 3);
    // What fails half-way leaves nothing behind.
    let failed: Result<()> = within(accounts.directory.as_mut(), |transaction| {
        Rows(transaction).create(&account("half"), None, &clerk_actor())?;
        anyhow::bail!("a fault")
    });
    failed.unwrap_err();
    assert!(accounts.show(&account("half")).is_err());
    assert_eq!(history(&mut accounts).len(), 3);
    // Making it again changes nothing.
    drop(create(settings));
    assert_eq!(history(&mut accounts).len(), 3);
}

pub(super) fn clerk_actor() -> Actor<'static> {
    Actor { by: "ana", at: at(0), assurance: "desk" }
}

pub(super) fn others(settings: &Settings) {
    let mut accounts = create(settings);
    let error = accounts.visit(&visit_at(1, "royal.example", "lisboa")).unwrap_err().to_string();
    assert!(error.contains("grand.example") && error.contains("royal.example"), "{error}");
    assert!(Accounts::create(settings, "royal.example").is_err());
    assert!(accounts.list().unwrap().0.is_empty());
}
