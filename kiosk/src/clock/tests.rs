//! Walks of clocks: whatever they do, what is called sure is right.

use proptest::prelude::*;

use super::*;

/// When the walks begin, in milliseconds.
const START: i64 = 1_800_000_000_000;

/// The tolerance of the walks, as in the default settings, and what rounding does to 15,000 seconds.
const TOLERANCE: i64 = 15_000 + 20;

fn settings(vouched: Option<u16>) -> ClockSettings {
    ClockSettings { vouched_error_seconds: vouched, ..ClockSettings::default() }
}

fn floor() -> TimeFloor {
    TimeFloor::from_signed(Timestamp::from_unix(START / 1000 - 24 * 3600).unwrap())
}

/// A reading some seconds after the start of the walk, by a clock that is wrong by `error` seconds.
fn reading(after: i64, error: i64, synchronized: bool) -> Reading {
    let kernel = Kernel { synchronized, max_error: Duration::from_secs(if synchronized { 1 } else { 16 }) };
    Reading {
        wall: START + (after + error) * 1000,
        boot: Duration::from_secs(u64::try_from(after).unwrap()),
        kernel: Some(kernel),
    }
}

fn is_unsure(state: ClockState) -> bool {
    matches!(state, ClockState::Unsure { .. })
}

#[test]
fn a_clock_set_by_a_time_server_is_sure() {
    let mut clock = Clock::new(&settings(None));
    assert_eq!(clock.judge(&reading(0, 0, true), floor()), ClockState::Sure);
    let kernel = Some(Kernel { synchronized: true, max_error: Duration::from_secs(16) });
    let late = Reading { kernel, ..reading(10, 0, true) };
    assert_eq!(clock.judge(&late, floor()), ClockState::Unsure { error: Some(Duration::from_secs(16)) });
}

#[test]
fn nobody_knows_how_wrong_a_clock_is_that_nobody_sets_and_nobody_vouches_for() {
    let mut clock = Clock::new(&settings(None));
    assert_eq!(clock.judge(&reading(0, 0, false), floor()), ClockState::Unsure { error: None });
    let silent = Reading { kernel: None, ..reading(1, 0, false) };
    assert_eq!(clock.judge(&silent, floor()), ClockState::Unsure { error: None });
}

#[test]
fn an_operator_vouches_for_a_clock_until_it_is_set() {
    let mut clock = Clock::new(&settings(Some(10)));
    assert_eq!(clock.judge(&reading(0, 3, false), floor()), ClockState::Sure);
    assert_eq!(clock.judge(&reading(100, 3, false), floor()), ClockState::Sure);
    let set = reading(200, 3600, false);
    let error = Some(Duration::from_secs(3597 + 10));
    assert_eq!(clock.judge(&set, floor()), ClockState::Unsure { error });
    assert_eq!(clock.judge(&reading(300, 3, false), floor()), ClockState::Sure, "it was set right again");
}

#[test]
fn more_than_the_tolerance_is_not_vouched_for() {
    let mut clock = Clock::new(&settings(Some(16)));
    assert!(is_unsure(clock.judge(&reading(0, 0, false), floor())));
}

#[test]
fn a_clock_that_lost_its_time_server_stays_sure_for_a_while() {
    let mut clock = Clock::new(&settings(None));
    assert_eq!(clock.judge(&reading(0, 0, true), floor()), ClockState::Sure);
    // A second that the kernel knew of, and 500 millionths of the time since: 14 seconds in 28,000.
    assert_eq!(clock.judge(&reading(28_000, 0, false), floor()), ClockState::Sure);
    assert!(is_unsure(clock.judge(&reading(28_001, 0, false), floor())));
    assert_eq!(clock.judge(&reading(30_000, 0, true), floor()), ClockState::Sure);
}

#[test]
fn a_clock_behind_signed_time_was_tampered_with_whatever_the_kernel_says() {
    let mut clock = Clock::new(&settings(Some(1)));
    assert_eq!(clock.judge(&reading(0, -2 * 24 * 3600, true), floor()), ClockState::Tampered);
    assert_eq!(clock.judge(&Reading { wall: 0, ..reading(0, 0, true) }, floor()), ClockState::Tampered);
}

#[test]
fn a_clock_that_jumped_to_2099_recovers() {
    let years = 73 * 365 * 24 * 3600;
    for vouched in [None, Some(5)] {
        let mut clock = Clock::new(&settings(vouched));
        assert_eq!(clock.judge(&reading(0, 0, true), floor()), ClockState::Sure);
        // Setting the clock by hand ends the kernel's trust in it (`ntp_clear`).
        assert!(is_unsure(clock.judge(&reading(10, years, false), floor())));
        assert!(is_unsure(clock.judge(&reading(20, years, false), floor())));
        assert_eq!(clock.judge(&reading(30, 0, false), floor()), ClockState::Sure);
        assert!(is_unsure(clock.judge(&reading(40, years, false), floor())));
        assert_eq!(clock.judge(&reading(50, 0, true), floor()), ClockState::Sure, "by a time server");
    }
}

#[test]
fn reasons_of_time_alone_are_tempered_and_others_stay() {
    let unsure = ClockState::Unsure { error: None };
    for reason in Reason::ALL.iter().copied() {
        assert_eq!(ClockState::Sure.temper(reason), reason);
        let tempered = unsure.temper(reason);
        let of_time = [".expired", "not_yet_valid"].iter().any(|end| reason.code().ends_with(end));
        // An expired status list is no answer anyway.
        let expected = if of_time && reason != Reason::StatusExpired { Reason::ClockUnsure } else { reason };
        assert_eq!(tempered, expected);
    }
}

#[test]
fn this_machine_has_clocks() {
    let first = Reading::take();
    let second = Reading::take();
    assert!(first.boot > Duration::ZERO && second.boot >= first.boot);
    assert!(first.time() > Timestamp::parse("2026-01-01T00:00:00Z").unwrap(), "{first:?}");
    if let Some(kernel) = first.kernel {
        assert!(kernel.max_error <= Duration::from_secs(17), "{kernel:?}");
    }
    let (time, state) = Clock::new(&settings(Some(1))).read(TimeFloor::from_signed(first.time()));
    assert!(time >= first.time());
    assert_eq!(state, ClockState::Sure, "somebody vouches for it");
}

/// What happens to a clock between two readings.
#[derive(Debug, Clone)]
enum Move {
    /// Time passes, and the clock goes wrong by so many millionths.
    Passes { seconds: u32, drift: i32 },
    /// Somebody sets the clock, by so many seconds.
    Set { seconds: i64 },
    /// A time server sets it right, and says how wrong it may still be, in milliseconds.
    Served { error: i64, within: i64 },
    /// The time server is gone.
    Lost,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0..100_000u32, -500..=500i32).prop_map(|(seconds, drift)| Move::Passes { seconds, drift }),
        1 => (-100_000i64..100_000).prop_map(|seconds| Move::Set { seconds }),
        1 => (-60i64..60).prop_map(|seconds| Move::Set { seconds }),
        1 => Just(Move::Set { seconds: 73 * 365 * 24 * 3600 }),
        2 => (-1000i64..1000, 0i64..20_000).prop_map(|(error, more)| Move::Served { error, within: error.abs() + more }),
        1 => Just(Move::Lost),
    ];
    prop::collection::vec(one, 1..60)
}

/// A machine whose true time is known, in milliseconds.
struct Machine {
    truth: i64,
    wall: i64,
    boot: i64,
    synchronized: bool,
    within: i64,
}

impl Machine {
    fn apply(&mut self, what: &Move) {
        match *what {
            Move::Passes { seconds, drift } => {
                let milliseconds = i64::from(seconds) * 1000;
                // Both clocks of the machine go wrong together; what passes on them is a little more or less.
                let shown = milliseconds + milliseconds * i64::from(drift) / 1_000_000;
                self.truth += milliseconds;
                self.wall += shown;
                self.boot += shown;
                // The kernel's own bound grows, and at 16 seconds it gives up (`second_overflow`).
                self.within += milliseconds / 2000 + 1;
                self.synchronized &= self.within < 16_000;
            }
            Move::Set { seconds } => {
                self.wall += seconds * 1000;
                self.synchronized = false;
            }
            Move::Served { error, within } => {
                self.wall = self.truth + error;
                self.within = within;
                self.synchronized = within < 16_000;
            }
            Move::Lost => self.synchronized = false,
        }
    }

    fn reading(&self) -> Reading {
        let max_error = Duration::from_millis(u64::try_from(self.within.min(16_000)).unwrap());
        let kernel = Some(Kernel { synchronized: self.synchronized, max_error });
        Reading { wall: self.wall, boot: Duration::from_millis(self.boot.cast_unsigned()), kernel }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_called_sure_is_right(walk in moves()) {
        let mut machine =
            Machine { truth: START, wall: START, boot: 0, synchronized: false, within: 16_000 };
        let mut clock = Clock::new(&settings(None));
        for what in &walk {
            machine.apply(what);
            let state = clock.judge(&machine.reading(), floor());
            if state == ClockState::Sure {
                let wrong = (machine.wall - machine.truth).abs();
                prop_assert!(wrong <= TOLERANCE, "sure, and wrong by {wrong} ms after {what:?}");
            }
        }
        // Whatever happened, a time server mends it.
        machine.apply(&Move::Served { error: 0, within: 10 });
        prop_assert_eq!(clock.judge(&machine.reading(), floor()), ClockState::Sure);
    }

    #[test]
    fn what_is_vouched_for_is_right_while_the_word_was_true(
        walk in moves(),
        vouched in 0u16..20,
        wrong in -1.0f64..1.0,
    ) {
        // The operator's word covers how the clock goes, so here it goes well; what it does not cover is somebody setting it.
        let start = (f64::from(vouched) * 1000.0 * wrong) as i64;
        let mut machine =
            Machine { truth: START, wall: START + start, boot: 0, synchronized: false, within: 16_000 };
        let mut clock = Clock::new(&settings(Some(vouched)));
        clock.judge(&machine.reading(), floor());
        for what in walk {
            match what {
                Move::Passes { seconds, .. } => machine.apply(&Move::Passes { seconds, drift: 0 }),
                Move::Served { .. } => {}
                other => machine.apply(&other),
            }
            if clock.judge(&machine.reading(), floor()) == ClockState::Sure {
                prop_assert!((machine.wall - machine.truth).abs() <= TOLERANCE);
            }
        }
    }
}

/// A resident's credential that ends in the middle of a walk is accepted at no time after that, and one that holds is
/// accepted again once the clock is right.
mod credentials {
    use ::tests::{World, border};
    use shared::credential::Checkpoint;
    use shared::key::SoftwareKey;
    use shared::trust::{Status, TrustStore};

    use super::*;
    use crate::decide::verify_code_by;
    use crate::state::Forgetful;

    fn says(trust: &TrustStore, machine: &Machine, clock: &mut Clock, text: &str) -> Reason {
        let purpose = border();
        let checkpoint = Checkpoint { purpose: &purpose, trust, keys: &[], challenge: None };
        let reading = machine.reading();
        let state = clock.judge(&reading, trust.floor());
        let verified = verify_code_by(state, text, &checkpoint, reading.time(), &mut Forgetful);
        verified.err().unwrap_or(Reason::Accepted)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn an_expired_one_is_never_accepted(walk in moves(), life in 60i64..400_000) {
            let world = World::default();
            let trust = world.trust();
            let start = world.start.as_unix() * 1000;
            let mut claims = world.claims();
            claims.expires = world.start.plus(life);
            let credential = world.credential(&claims);
            let mut machine = Machine { truth: start, wall: start, boot: 0, synchronized: true, within: 5 };
            let mut clock = Clock::new(&settings(None));
            for what in &walk {
                machine.apply(what);
                // An honest phone, and one whose clock is set to whatever the kiosk shows.
                for time in [machine.truth, machine.wall] {
                    let Some(time) = Timestamp::from_unix(time.div_euclid(1000)) else { continue };
                    let text = world.code(&credential, time);
                    let reason = says(&trust, &machine, &mut clock, &text);
                    let late = machine.truth - claims.expires.as_unix() * 1000;
                    prop_assert!(
                        late <= TOLERANCE || reason != Reason::Accepted,
                        "accepted {late} ms after its end"
                    );
                }
            }
        }
    }

    /// By a clock that is far ahead the credential has expired, which is looked at before its status.
    #[test]
    fn what_is_wrong_at_any_time_is_refused_by_a_clock_that_jumped() {
        let world = World::default();
        let start = world.start.as_unix() * 1000;
        for (index, status, expected) in [
            (4711, Status::Invalid, Reason::StatusRevoked),
            (4711, Status::Suspended, Reason::StatusSuspended),
            (4712, Status::Invalid, Reason::ClockUnsure),
        ] {
            let world = World { not_valid: vec![(index, status)], ..World::default() };
            let mut machine = Machine { truth: start, wall: start, boot: 0, synchronized: true, within: 5 };
            let mut clock = Clock::new(&settings(None));
            machine.apply(&Move::Set { seconds: 73 * 365 * 24 * 3600 });
            machine.apply(&Move::Passes { seconds: 10, drift: 0 });
            let shown = world.default_code(world.start.plus(10));
            assert_eq!(says(&world.trust(), &machine, &mut clock, &shown), expected);
        }
        let mut forged = World { issuer: SoftwareKey::from_seed(&[77; 32]), ..World::default() };
        let text = forged.default_code(world.start);
        forged.issuer = world.issuer;
        let unsure = ClockState::Unsure { error: None };
        let (purpose, trust) = (border(), forged.trust());
        let checkpoint = Checkpoint { purpose: &purpose, trust: &trust, keys: &[], challenge: None };
        let late = Timestamp::parse("2099-01-01T00:00:00Z").unwrap();
        let verified = verify_code_by(unsure, &text, &checkpoint, late, &mut Forgetful);
        assert_eq!(verified.unwrap_err(), Reason::IssuerKeyUnknown);
    }

    #[test]
    fn a_jump_to_2099_is_nobodys_fault_and_passes() {
        let world = World::default();
        let trust = world.trust();
        let start = world.start.as_unix() * 1000;
        let mut machine = Machine { truth: start, wall: start, boot: 0, synchronized: true, within: 5 };
        let mut clock = Clock::new(&settings(None));
        let mut present = |machine: &Machine| {
            let now = Timestamp::from_unix(machine.truth / 1000).unwrap();
            says(&trust, machine, &mut clock, &world.default_code(now))
        };
        machine.apply(&Move::Passes { seconds: 10, drift: 0 });
        assert_eq!(present(&machine), Reason::Accepted);
        machine.apply(&Move::Set { seconds: 73 * 365 * 24 * 3600 });
        assert_eq!(present(&machine), Reason::ClockUnsure, "not: expired");
        machine.apply(&Move::Passes { seconds: 10, drift: 0 });
        machine.apply(&Move::Served { error: 3, within: 20 });
        assert_eq!(present(&machine), Reason::Accepted);
    }
}
