//! Threads that answer the queries of other processes beside the matcher's own.
//!
//! The matcher takes queries and hands them out; the first thread that is free answers from what
//! stands still in the corpus; the matcher publishes, in the order in which it took them, since a
//! ring has one writer and the next matcher goes on behind the last answer of each asker.

use crate::askers::Request;
use crate::corpus::Terms;
use crate::nearest::Neighbour;
use crate::scan::Scan;
use crate::searcher::Searcher;
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use tickring::record::Query;

/// Queries that are handed out for each thread: one that is searched and some that wait.
const EACH: usize = 4;

/// A query on its way to a thread.
struct Job {
    number: u64,
    lanes: Box<[f32]>,
    terms: Terms,
}

/// What was found for a query.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) near: Vec<Neighbour>,
    pub(crate) scan: Scan,
    pub(crate) is_approximate: bool,
    pub(crate) watermark: u64,
    pub(crate) generation: u32,
}

/// A query that was taken, without its lanes.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) query: Query,
    pub(crate) seq: u64,
    pub(crate) asker: u32,
    pub(crate) read_at: Instant,
}

impl Taken {
    /// A query that was just read.
    pub(crate) fn of(request: &Request) -> Self {
        let Request { asker, seq, query, .. } = *request;
        Self { query, seq, asker, read_at: Instant::now() }
    }
}

/// The threads.
#[derive(Debug)]
pub(crate) struct Crew {
    /// `None` once they are told to stop.
    jobs: Option<Sender<Job>>,
    replies: Receiver<(u64, Reply)>,
    threads: Vec<JoinHandle<()>>,
    /// What was handed out, in that order, with what came back.
    pending: VecDeque<(Taken, Option<Reply>)>,
    /// The number of the first that is pending.
    first: u64,
}

impl Crew {
    /// Starts `count` threads. Cost: allocates; they sleep while nothing is asked.
    pub(crate) fn start(count: u16, searcher: &Searcher) -> io::Result<Self> {
        let (jobs, handed_out) = channel();
        let handed_out = Arc::new(Mutex::new(handed_out));
        let (answers, replies) = channel();
        let threads = (0..count).map(|number| {
            let (handed_out, answers) = (Arc::clone(&handed_out), answers.clone());
            let searcher = searcher.clone();
            let work = move || answer_all(&handed_out, &answers, searcher);
            Builder::new().name(format!("ann-search-{number}")).spawn(work)
        });
        let threads = threads.collect::<io::Result<Vec<_>>>()?;
        Ok(Self { jobs: Some(jobs), replies, threads, pending: VecDeque::new(), first: 0 })
    }

    /// Whether another query can be handed out.
    pub(crate) fn has_room(&self) -> bool {
        self.pending.len() < self.threads.len() * EACH
    }

    /// Whether nothing is handed out.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Hands a query out.
    pub(crate) fn take(&mut self, request: &Request, terms: Terms) {
        let number = self.first + self.pending.len() as u64;
        self.pending.push_back((Taken::of(request), None));
        let job = Job { number, lanes: request.lanes.clone(), terms };
        if let Some(jobs) = &self.jobs {
            // They end after this sender only.
            let _ = jobs.send(job);
        }
    }

    /// The answer to the query that was handed out first, if it is there.
    pub(crate) fn next(&mut self) -> Option<(Taken, Reply)> {
        while let Ok((number, reply)) = self.replies.try_recv() {
            self.note(number, reply);
        }
        let reply = self.pending.front_mut()?.1.take()?;
        self.first += 1;
        Some((self.pending.pop_front()?.0, reply))
    }

    /// Waits for an answer, for `limit` at most; `false` if none came.
    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        match self.replies.recv_timeout(limit) {
            Ok((number, reply)) => {
                self.note(number, reply);
                true
            }
            Err(_) => false,
        }
    }

    /// Whether a thread has ended before it was told to, which only a panic in it can cause.
    pub(crate) fn is_broken(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    fn note(&mut self, number: u64, reply: Reply) {
        let at = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        if let Some((_, own)) = self.pending.get_mut(at) {
            *own = Some(reply);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.jobs = None;
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// What a thread does: takes what is handed out, one at a time, until there is no more to come.
fn answer_all(
    handed_out: &Mutex<Receiver<Job>>,
    answers: &Sender<(u64, Reply)>,
    mut searcher: Searcher,
) {
    loop {
        // Who waits for a query holds the mutex, the others wait for that.
        let job = handed_out.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { number, lanes, terms }) = job else { return };
        let scan = searcher.search(&lanes, &terms);
        let reply = Reply {
            near: searcher.neighbours().to_vec(),
            scan,
            is_approximate: searcher.is_approximate(),
            watermark: searcher.watermark(),
            generation: searcher.generation(),
        };
        if answers.send((number, reply)).is_err() {
            return;
        }
    }
}
