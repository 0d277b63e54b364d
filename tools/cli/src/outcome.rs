//! How a command ended that did what it was asked.

use std::process::ExitCode;

/// How a command ended, other than by a [`Failure`](crate::failure::Failure).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// The answer is no: nothing matched.
    Negative,
    /// The time given with `--timeout` passed first.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
}

impl Outcome {
    /// The exit code, as `tickring help` lists them.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        })
    }
}
