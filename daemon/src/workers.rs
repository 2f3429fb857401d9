//! Threads that take jobs of a queue and do them; and what hands them those of a ledger that several
//! processes share.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::job::{JobContext, Outcome};
use crate::output;
use crate::plan::Job;
use crate::queue::JobQueue;
use crate::settings::Recipe;

/// Time between two looks for what nobody tells of.
pub(crate) const ROUND: Duration = Duration::from_secs(2);

/// The same while there is nothing to do: whether other workers are done.
const IDLE: Duration = Duration::from_millis(250);

/// Wait of a worker that does not reach folders or ledger; others may.
const CUT_OFF: Duration = Duration::from_secs(2);

/// Lets workers do jobs of a queue until none comes any more. `tell` learns how each ended, and is asked
/// every [`ROUND`].
pub(crate) fn run(
    context: &JobContext,
    queue: &JobQueue,
    workers: usize,
    feed: Option<&Feed>,
    tell: &mut dyn FnMut(Option<(Job, Outcome)>),
) -> Result<()> {
    let (sender, outcomes) = mpsc::channel();
    // A job's parallel parts are done where it runs, and by threads that have no job left.
    let threads = rayon::current_num_threads().max(workers);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| Error::Threads { source })?;
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            pool.broadcast(move |thread| {
                if thread.index() < workers {
                    work(context, queue, &sender);
                }
            });
        });
        if let Some(feed) = feed {
            scope.spawn(move || feed.run(context, queue, workers));
            scope.spawn(move || renew(context, over));
        }
        loop {
            match outcomes.recv_timeout(ROUND) {
                Ok(ended) => tell(Some(ended)),
                Err(RecvTimeoutError::Timeout) => tell(None),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// Takes jobs and does them until there is none, or the program is asked to stop.
fn work(context: &JobContext, queue: &JobQueue, outcomes: &Sender<(Job, Outcome)>) {
    while !context.stop.is_asked()
        && let Some((id, job)) = queue.take()
    {
        let outcome = context.perform(id, &job);
        queue.end();
        let is_cut_off = is_cut_off(context, &outcome);
        if outcomes.send((job, outcome)).is_err() {
            break;
        }
        if is_cut_off {
            leave_to_others(context, queue);
        }
    }
}

/// Whether a job ended because this process does not reach folders or ledger, and others may.
pub(crate) fn is_cut_off(context: &JobContext, outcome: &Outcome) -> bool {
    context.ledger.is_shared() && matches!(outcome, Outcome::Blocked(_))
}

/// Waits, so that others can take what this process is cut off from, unless it is to end.
pub(crate) fn leave_to_others(context: &JobContext, queue: &JobQueue) {
    let end = Instant::now() + CUT_OFF;
    while Instant::now() < end && !context.stop.is_asked() && !queue.is_closed() {
        thread::sleep(IDLE);
    }
}

/// Renews what this process has taken until it is `over`.
pub(crate) fn renew(context: &JobContext, over: &AtomicBool) {
    let interval = context.ledger.lease().unwrap_or(ROUND) / 3;
    let mut next = Instant::now() + interval;
    while !over.load(Ordering::Relaxed) {
        thread::sleep(IDLE.min(interval));
        if Instant::now() >= next {
            next = Instant::now() + interval;
            if let Err(error) = context.ledger.renew() {
                log::warn!("{error}");
            }
        }
    }
}

/// Hands jobs of a shared ledger to the workers of this process.
pub(crate) struct Feed {
    recipes: Vec<Recipe>,
    /// By the results, what is to be done until the workers end; `None`: they go on.
    plan: Option<HashMap<PathBuf, Job>>,
}

impl Feed {
    /// Whatever is queued, until the program is asked to stop.
    pub(crate) fn endless(recipes: Vec<Recipe>) -> Self {
        Self { recipes, plan: None }
    }

    /// Until nobody has one of these jobs to do any more.
    pub(crate) fn of_plan(context: &JobContext, jobs: &[Job]) -> Self {
        let plan = jobs.iter().map(|job| (job.output.clone(), job.clone())).collect();
        Self { recipes: vec![context.model.recipe.clone()], plan: Some(plan) }
    }

    /// Hands out jobs, a few more than there are workers, so that none waits for the server.
    pub(crate) fn run(&self, context: &JobContext, queue: &JobQueue, workers: usize) {
        let (mut listener, mut told) = (context.ledger.listener(), false);
        let mut left = None;
        while !context.stop.is_asked() && !queue.is_closed() {
            match self.step(context, queue, workers, &mut left) {
                Ok(Step::Full) => queue.wait_for_room(workers.max(1), ROUND),
                Ok(Step::Nothing) => listener.iter_mut().for_each(|listener| listener.wait(IDLE)),
                Ok(Step::Over) => break,
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        log::warn!("{error}");
                    }
                    thread::sleep(CUT_OFF);
                    continue;
                }
            }
            told = false;
        }
        if context.stop.is_asked() {
            queue.close();
        }
        queue.complete();
    }

    /// `left` is what of the plan others had to do when it was last looked at.
    fn step(
        &self,
        context: &JobContext,
        queue: &JobQueue,
        workers: usize,
        left: &mut Option<HashSet<PathBuf>>,
    ) -> Result<Step> {
        if !context.ledger.is_there(&context.folder) {
            return Err(Error::FolderAway { folder: context.folder.clone() });
        }
        let (queued, running) = queue.counts();
        if queued >= workers {
            return Ok(Step::Full);
        }
        let jobs = context.ledger.take(workers - queued, &self.recipes)?;
        if !jobs.is_empty() {
            queue.add(jobs.into_iter().map(|(id, job)| (id, self.as_planned(job))));
            return Ok(Step::Full);
        }
        output::settle_expired(&context.ledger, &context.folder)?;
        if queued + running > 0 {
            return Ok(Step::Nothing);
        }
        let Some(plan) = &self.plan else { return Ok(Step::Nothing) };
        let mut open = match left {
            None => context.ledger.open_outputs()?,
            Some(left) => context.ledger.still_open(left)?,
        };
        open.retain(|output| plan.contains_key(output));
        let is_over = open.is_empty();
        *left = Some(open);
        Ok(if is_over { Step::Over } else { Step::Nothing })
    }

    /// The job as the user wrote it.
    fn as_planned(&self, job: Job) -> Job {
        let planned = self.plan.as_ref().and_then(|plan| plan.get(&job.output));
        planned.filter(|planned| planned.input == job.input).cloned().unwrap_or(job)
    }
}

enum Step {
    /// Workers have enough to do.
    Full,
    /// Nothing is to be had right now.
    Nothing,
    /// Nothing comes any more.
    Over,
}
