//! Checks histories of concurrent calls for linearizability: some order of the calls must explain every
//! outcome. Uses the search of Wing and Gong (Testing and verifying concurrent objects, 1993).

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was asked of one object: an API key, a TOTP with one code, or a user with one open login.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    Activate,
    UseCode,
    FinishLogin,
    Register(u8),
    List,
    Delete,
    Read,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Done,
    Refused,
    Credentials(BTreeSet<u8>),
    /// The answer was lost or reports a failed store, so the call may have happened or not.
    Unknown,
}

#[derive(Clone, Debug)]
struct Event {
    call: Call,
    outcome: Outcome,
    began: u64,
    ended: u64,
}

/// What an object is, as far as its calls can tell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct State {
    pub(crate) exists: bool,
    pub(crate) used: bool,
    pub(crate) credentials: BTreeSet<u8>,
}

impl State {
    /// What the call answers in this state, and the state after it.
    fn after(&self, call: Call) -> (Outcome, Self) {
        let done = |state: Self| (Outcome::Done, state);
        match call {
            Call::Activate | Call::UseCode if self.exists && !self.used => {
                done(Self { used: true, ..self.clone() })
            }
            Call::FinishLogin if !self.used && self.credentials.contains(&0) => {
                done(Self { used: true, ..self.clone() })
            }
            Call::Register(n) => {
                let mut credentials = self.credentials.clone();
                credentials.insert(n);
                done(Self { exists: true, credentials, ..self.clone() })
            }
            Call::List => (Outcome::Credentials(self.credentials.clone()), self.clone()),
            Call::Delete if self.exists => done(Self { used: self.used, ..Self::default() }),
            Call::Read if self.exists => done(self.clone()),
            // A late login has used up its ceremony too.
            Call::FinishLogin => (Outcome::Refused, Self { used: true, ..self.clone() }),
            _ => (Outcome::Refused, self.clone()),
        }
    }
}

/// The calls of one object, each with its start and end.
#[derive(Debug, Default)]
pub(crate) struct History {
    clock: AtomicU64,
    events: Mutex<Vec<Event>>,
}

impl History {
    /// Runs a call and records it.
    pub(crate) async fn record(&self, call: Call, run: impl Future<Output = Outcome>) {
        let began = self.clock.fetch_add(1, Ordering::SeqCst);
        let outcome = run.await;
        let ended = self.clock.fetch_add(1, Ordering::SeqCst);
        self.events.lock().unwrap().push(Event { call, outcome, began, ended });
    }

    /// How often a call began or ended.
    pub(crate) fn progress(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Fails unless some order of the calls, each between its start and end, explains their answers.
    pub(crate) fn check(&self, start: &State) {
        let events = self.events.lock().unwrap().clone();
        assert!(is_explained(&events, start), "no order explains this from {start:?}: {events:#?}");
    }
}

fn is_explained(events: &[Event], state: &State) -> bool {
    // What ended first must not come after anything that began later than that.
    let Some(first_end) = events.iter().map(|event| event.ended).min() else { return true };
    events.iter().enumerate().filter(|(_, event)| event.began <= first_end).any(|(n, event)| {
        let mut rest = events.to_vec();
        rest.remove(n);
        let (expected, next) = state.after(event.call);
        match &event.outcome {
            Outcome::Unknown => is_explained(&rest, &next) || is_explained(&rest, state),
            known => *known == expected && is_explained(&rest, &next),
        }
    })
}

/// The checker itself accepts possible histories and refuses impossible ones.
#[test]
fn the_checker_tells_right_from_wrong() {
    let event = |call, outcome, began, ended| Event { call, outcome, began, ended };
    let fresh = State { exists: true, ..State::default() };
    let twice = [event(Call::UseCode, Outcome::Done, 0, 3), event(Call::UseCode, Outcome::Done, 1, 2)];
    assert!(!is_explained(&twice, &fresh));
    let once = [event(Call::UseCode, Outcome::Refused, 0, 3), event(Call::UseCode, Outcome::Done, 1, 2)];
    assert!(is_explained(&once, &fresh));
    // Refused although it ended before the other began.
    let too_early = [event(Call::UseCode, Outcome::Refused, 0, 1), event(Call::UseCode, Outcome::Done, 2, 3)];
    assert!(!is_explained(&too_early, &fresh));
    let lost = [event(Call::UseCode, Outcome::Unknown, 0, 1), event(Call::UseCode, Outcome::Refused, 2, 3)];
    assert!(is_explained(&lost, &fresh));
    let deleted = [event(Call::Delete, Outcome::Done, 0, 1), event(Call::Read, Outcome::Done, 2, 3)];
    assert!(!is_explained(&deleted, &fresh));
    let forgotten = [
        event(Call::Register(1), Outcome::Done, 0, 4),
        event(Call::Register(2), Outcome::Done, 1, 5),
        event(Call::List, Outcome::Credentials([2].into()), 6, 7),
    ];
    assert!(!is_explained(&forgotten, &State::default()));
}
