//! What bounds the work on one frame: the caller's clock, and a net under code that is not ours.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The limits of one frame, and what went wrong within them.
pub(super) struct Guard<'a> {
    spent: &'a dyn Fn() -> bool,
    panics: Cell<u32>,
}

/// The time was spent.
#[derive(Debug)]
pub(super) struct Interrupted;

impl<'a> Guard<'a> {
    /// Asks `spent` between steps that take a millisecond or so.
    pub(super) fn new(spent: &'a dyn Fn() -> bool) -> Self {
        Guard { spent, panics: Cell::new(0) }
    }

    /// Returns an error if there is no time left.
    pub(super) fn check(&self) -> Result<(), Interrupted> {
        if (self.spent)() { Err(Interrupted) } else { Ok(()) }
    }

    /// Runs code of others. A panic in it is counted and becomes `None`.
    ///
    /// The process's panic hook still runs and by default prints a line; built with `panic = "abort"`, this does nothing.
    pub(super) fn foreign<T>(&self, run: impl FnOnce() -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(run));
        if result.is_err() {
            self.panics.set(self.panics.get() + 1);
        }
        result.ok()
    }

    /// Returns how often foreign code panicked.
    pub(super) fn panics(&self) -> u32 {
        self.panics.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_of_others_are_counted_and_go_no_further() {
        let guard = Guard::new(&|| false);
        assert_eq!(guard.foreign(|| 7), Some(7));
        // `resume_unwind` is a panic that prints nothing.
        assert_eq!(guard.foreign(|| std::panic::resume_unwind(Box::new(()))), None::<()>);
        assert_eq!(guard.panics(), 1);
    }
}
