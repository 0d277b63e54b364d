//! The loop of the commands that run until their input ends or somebody stops them.

use crate::failure::Failure;
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::signals::{Request, Signals};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Environment variable of a process that must not outlive the one that started it.
pub(crate) const PARENT_VARIABLE: &str = "TICKRING_PARENT";

const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Longest wait at a stretch: a signal may come to another thread, and must be seen soon.
const PATIENCE: Duration = Duration::from_millis(200);

/// What is reported about the work.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Reports {
    /// Report every second too, not only at the end
    #[arg(long)]
    stats: bool,
    /// Report on stdout as one JSON object a line, instead of on stderr for people
    #[arg(long)]
    json: bool,
}

impl Reports {
    /// Whether stdout is for JSON.
    pub(crate) fn are_json(self) -> bool {
        self.json
    }
}

/// What a step achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There may be more to do at once.
    Advanced,
    /// There is nothing to do at present.
    Idle,
    /// The input has ended.
    Ended,
}

impl From<tickring_window::Progress> for Step {
    fn from(progress: tickring_window::Progress) -> Self {
        match progress {
            tickring_window::Progress::Advanced(_) => Self::Advanced,
            tickring_window::Progress::Idle => Self::Idle,
            tickring_window::Progress::Ended => Self::Ended,
        }
    }
}

/// Work that is done in steps.
pub(crate) trait Service {
    /// The name of the command.
    const NAME: &'static str;

    /// Does a bounded amount of work, without waiting longer than some 20 ms.
    fn step(&mut self) -> Result<Step, Failure>;

    /// Prints data behind a step, of a service that has some for stdout.
    fn print(&mut self, output: &mut Output) -> Result<(), Failure> {
        let _ = output;
        Ok(())
    }

    /// Waits until there may be something to do, for `limit` at most.
    fn wait(&mut self, limit: Duration);

    /// Ends the work before its input has ended.
    fn stop(&mut self) -> Result<(), Failure>;

    /// What was done, as text.
    fn text(&self) -> String;

    /// What was done, as an object.
    fn json(&self) -> Value;
}

/// Runs a service, whose signals were caught before it was opened, until its input ends, it fails,
/// or the process is asked to stop; reports at the end in each of these cases.
/// SIGTERM, by which supervisors stop a service, is no interruption.
///
/// # Errors
///
/// That of the service, or of writing a report.
pub(crate) fn run<S: Service>(
    mut service: S,
    signals: &Signals,
    reports: Reports,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    if std::env::var_os(PARENT_VARIABLE).is_some() {
        prctl::set_pdeathsig(Signal::SIGTERM)
            .map_err(|errno| Failure::io("follow the parent process")(errno.into()))?;
    }
    let mut next_report = Instant::now() + REPORT_EVERY;
    let ran = loop {
        if let Some(request) = signals.request() {
            let stopped = service.stop().and_then(|()| service.print(output));
            break stopped.map(|()| match request {
                Request::Interrupt => Outcome::Interrupted,
                Request::End => Outcome::Done,
            });
        }
        match service.step().and_then(|step| service.print(output).map(|()| step)) {
            Ok(Step::Advanced) => {}
            Ok(Step::Idle) => service.wait(PATIENCE),
            Ok(Step::Ended) => break Ok(Outcome::Done),
            Err(failure) => break Err(failure),
        }
        if reports.stats && Instant::now() >= next_report {
            next_report += REPORT_EVERY;
            report(&service, reports, output)?;
        }
    };
    report(&service, reports, output)?;
    ran
}

fn report<S: Service>(service: &S, reports: Reports, output: &mut Output) -> Result<(), Failure> {
    if reports.json {
        writeln!(output, "{}", service.json())?;
        output.flush()
    } else {
        service.text().lines().for_each(|line| note(S::NAME, line));
        Ok(())
    }
}
