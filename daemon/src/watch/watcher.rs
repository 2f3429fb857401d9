//! The thread that coordinates: it hears of files, waits until they are complete, and hands them to
//! the workers.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant, SystemTime};

use polychromify_core::Format;

use crate::error::Result;
use crate::files::fingerprint::{self, Stamp};
use crate::files::names;
use crate::job::{JobContext, Outcome, SkipReason};
use crate::ledger::{self, InputState};
use crate::plan::Job;
use crate::queue::JobQueue;
use crate::settings::Recipe;
use crate::stop::Stop;
use crate::watch::again::Again;
use crate::watch::departures::Departures;
use crate::watch::event::{HEARTBEAT, Observer, WatchEvent};
use crate::watch::folder_events::FolderEvents;
use crate::watch::input_state::input_state;
use crate::watch::pause::Pause;
use crate::watch::roots::{self, Root};
use crate::watch::seen::Seen;
use crate::watch::settings::WatchSettings;
use crate::watch::sweep::Filter;
use crate::watch::unfilled;
use crate::watch::waiting::Waiting;

/// Longest sleep, so that a request to stop is heeded soon.
const NAP: Duration = Duration::from_millis(250);

/// How often it is looked whether the folders are there, and whether somebody changed the ledger.
const ROUND: Duration = Duration::from_secs(2);

/// How long this thread waits for the ledger, which another process may hold. What it could not ask
/// is asked again, and signs of life go on.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the coordinating thread is told by others.
#[derive(Debug)]
pub(super) enum Message {
    /// Events came in.
    Noticed,
    /// A worker began a job.
    Began(Job),
    /// A worker ended a job.
    Ended(Job, Box<Outcome>),
    /// An original went, or stays for now.
    Departed(Job, Result<()>),
}

pub(super) struct Watcher<'a> {
    pub(super) settings: &'a WatchSettings,
    pub(super) context: &'a JobContext,
    observer: &'a mut dyn Observer,
    stop: &'a Stop,
    queue: &'a JobQueue,
    inbox: Receiver<Message>,
    pub(super) format: Option<Format>,
    pub(super) filter: Filter,
    pub(super) roots: Vec<Root>,
    /// `None`: all folders are polled.
    pub(super) events: Option<FolderEvents>,
    pub(super) waiting: Waiting,
    pub(super) again: Again,
    /// Jobs in the queue and in work, with their inputs' stamps as they were taken.
    pub(super) in_hand: HashMap<PathBuf, Stamp>,
    /// Names of their results: two jobs never work on one result, or on two that differ by case.
    outputs: HashSet<String>,
    pub(super) seen: Seen,
    /// Files with times ahead of the clock that were looked at once more.
    pub(super) looked_again: Seen,
    pub(super) departures: Departures,
    /// Told as not looked at.
    pub(super) left_out: HashSet<PathBuf>,
    pause: Pause,
    /// How often in a row the output could not be written, for each input.
    blocked: HashMap<PathBuf, u32>,
    last_heartbeat: Instant,
    next_round: Instant,
    /// What the ledger was when its queue was last compared with what is at hand; `None`: it is
    /// to be compared.
    foreign_changes: Option<i64>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(
        settings: &'a WatchSettings,
        context: &'a JobContext,
        observer: &'a mut dyn Observer,
        stop: &'a Stop,
        queue: &'a JobQueue,
        inbox: Receiver<Message>,
        sender: &Sender<Message>,
    ) -> Result<Self> {
        let roots = roots::open(settings, &context.folder)?;
        let watched = context.policy.watched.as_ref().expect("checked before");
        let left_alone = watched.left_alone.clone();
        let now = Instant::now();
        let mut watcher = Self {
            settings,
            context,
            observer,
            stop,
            queue,
            inbox,
            format: context.model.settings.format,
            filter: Filter { films: context.film.is_some(), left_alone },
            roots,
            events: None,
            waiting: Waiting::new(settings.stability_delay, settings.empty_patience),
            again: Again::default(),
            in_hand: HashMap::new(),
            outputs: HashSet::new(),
            seen: Seen::default(),
            looked_again: Seen::default(),
            departures: Departures::new(settings.stability_delay),
            left_out: HashSet::new(),
            pause: Pause::default(),
            blocked: HashMap::new(),
            last_heartbeat: now,
            next_round: now + ROUND,
            foreign_changes: None,
        };
        if !settings.poll_all {
            let sender = sender.clone();
            let noticed = move || {
                // Nobody listens any more while the program ends.
                let _ = sender.send(Message::Noticed);
            };
            match FolderEvents::open(noticed) {
                Ok(events) => watcher.events = Some(events),
                Err(reason) => watcher.poll_all(&reason),
            }
        }
        Ok(watcher)
    }

    /// Watches until it is asked to stop.
    pub(super) fn watch(&mut self) {
        let _hasty = ledger::wait_at_most(PATIENCE);
        for root in 0..self.roots.len() {
            self.tell_how(root);
        }
        self.sweep_all();
        self.tell(&WatchEvent::Ready);
        while !self.is_stopping() {
            self.step();
        }
        self.tell(&WatchEvent::Stopping);
    }

    /// Waits for the last messages of the workers after the queue was closed.
    pub(super) fn finish(&mut self) {
        self.departures.close();
        loop {
            // A worker sends its message before it counts as idle.
            let all_told = self.queue.counts().1 == 0 && self.departures.is_idle();
            match self.inbox.recv_timeout(Duration::from_millis(20)) {
                Ok(Message::Noticed) => {}
                Ok(message) => self.hear(message),
                Err(_) if all_told => break,
                Err(_) => self.heartbeat(),
            }
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_asked() || self.stop.is_reload_asked()
    }

    pub(super) fn tell(&mut self, event: &WatchEvent<'_>) {
        self.observer.tell(event);
    }

    /// Sleeps until there is something to do, and does it.
    fn step(&mut self) {
        let now = Instant::now();
        let next = [self.waiting.next_due(), self.next_sweep(), self.departures.next_due()];
        let next = next.into_iter().flatten().min();
        let nap = next.map_or(NAP, |next| next.saturating_duration_since(now).min(NAP));
        if let Ok(message) = self.inbox.recv_timeout(nap) {
            self.hear(message);
            while let Ok(message) = self.inbox.try_recv() {
                self.hear(message);
            }
        }
        self.pause.pass(self.queue, Instant::now());
        self.hand_out();
        self.departures.go(Instant::now(), |input| {
            self.in_hand.contains_key(input) || self.waiting.contains(input)
        });
        self.sweep_due();
        self.look_again();
        if self.next_round <= Instant::now() {
            self.next_round = Instant::now() + ROUND;
            self.check_roots();
            self.compare_queue();
        }
        self.heartbeat();
    }

    pub(super) fn heartbeat(&mut self) {
        if self.last_heartbeat.elapsed() >= HEARTBEAT / 2 {
            self.last_heartbeat = Instant::now();
            let (queued, running) = self.queue.counts();
            let waiting = self.waiting.len();
            let bands = self.context.bands.load(Ordering::Relaxed);
            self.tell(&WatchEvent::Alive { waiting, queued, running, bands });
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Noticed => self.take_notice(),
            Message::Began(job) => self.tell(&WatchEvent::Began { input: &job.shown }),
            Message::Ended(job, outcome) => self.ended(job, &outcome),
            Message::Departed(job, gone) => self.departures.ended(&job, gone, Instant::now()),
        }
    }

    fn ended(&mut self, job: Job, outcome: &Outcome) {
        let now = Instant::now();
        let stamp = self.in_hand.remove(&job.input);
        self.outputs.remove(&folded(&job.output));
        if !matches!(outcome, Outcome::Skipped(SkipReason::DoneAlready(_), _)) {
            self.tell(&WatchEvent::Ended { job: &job, outcome });
        }
        if self.context.policy.lets_go(&job.input)
            && let Some(job) = self.departing(&job.input, job.output.clone())
        {
            match outcome {
                Outcome::Done(_) => self.departures.begin(job, now),
                Outcome::Skipped(SkipReason::DoneAlready(_), _) => self.departures.resume(job, now),
                _ => {}
            }
        }
        if !matches!(outcome, Outcome::Blocked(_)) {
            self.blocked.remove(&job.input);
        }
        match (outcome, stamp) {
            (Outcome::Postponed { delay, .. }, Some(stamp)) => {
                self.waiting.postpone(job, stamp, now, now + *delay);
                self.pause.end(self.queue);
            }
            (Outcome::Blocked(_), Some(stamp)) => {
                // Others may fit where this one does not.
                let times = self.blocked.entry(job.input.clone()).or_default();
                *times += 1;
                let own = now + self.context.policy.retries.unwrap_or_default().delay(*times);
                let until = self.pause.begin(self.queue, now).max(own);
                self.waiting.postpone(job, stamp, now, until);
            }
            // It is everybody's again. A pause goes on, if this was its trial.
            (Outcome::Blocked(_), None) => self.pause.prolong(self.queue, now),
            (Outcome::Stopped | Outcome::Lost, _) => {}
            _ => self.pause.end(self.queue),
        }
    }

    /// Puts files that stood still into the queue.
    fn hand_out(&mut self) {
        let now = Instant::now();
        let mut jobs = Vec::new();
        for path in self.waiting.due(now) {
            self.heartbeat();
            let stamp = self.stamp(&path).unwrap_or_else(|error| {
                log::debug!("{}: {error}; looked at again", path.display());
                self.again.add(path.clone(), now);
                None
            });
            if stamp.is_none() {
                self.foreign_changes = None; // it may be in the ledger's queue, to be tried again
            }
            let Some((job, stamp)) =
                self.waiting.poll(&path, stamp, now, |job| unfilled::is_unfilled(&job.original()))
            else {
                continue;
            };
            let name = folded(&job.output);
            let is_taken = self.in_hand.contains_key(&path) || self.outputs.contains(&name);
            if is_taken || self.departures.is_leaving(&path) {
                self.waiting.defer(job, stamp, now);
                continue;
            }
            match input_state(self.context, &job, &stamp) {
                Ok(InputState::Settled) => self.seen.insert(&job.input, &stamp),
                Ok(InputState::Young) if self.looked_again.contains(&job.input, &stamp) => {
                    self.seen.insert(&job.input, &stamp);
                }
                Ok(InputState::Young) if stamp.is_young(SystemTime::now()) => {
                    self.waiting.postpone(job, stamp, now, now + ROUND);
                }
                Ok(state) => {
                    if state == InputState::Young {
                        self.looked_again.insert(&job.input, &stamp);
                    }
                    self.outputs.insert(name);
                    self.in_hand.insert(path, stamp);
                    jobs.push((job, stamp));
                }
                Err(error) => {
                    log::warn!("{error}");
                    self.waiting.defer(job, stamp, now);
                }
            }
        }
        if !jobs.is_empty() {
            self.enqueue(jobs, now);
        }
    }

    fn enqueue(&mut self, jobs: Vec<(Job, Stamp)>, now: Instant) {
        // What decides the results of films is not what decides those of photographs.
        let (films, photographs): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|(job, _)| self.context.film_of(&job.output).is_some());
        for jobs in [films, photographs] {
            if let Some((first, _)) = jobs.first() {
                let recipe = self.context.recipe_of(&first.output);
                self.enqueue_alike(jobs, &recipe, now);
            }
        }
    }

    /// Puts jobs of one recipe into the queue.
    fn enqueue_alike(&mut self, jobs: Vec<(Job, Stamp)>, recipe: &Recipe, now: Instant) {
        let stamped = jobs.iter().map(|(job, stamp)| (job, Some(stamp)));
        match self.context.ledger.enqueue(stamped, recipe) {
            Ok(ids) => {
                for (job, _) in &jobs {
                    self.tell(&WatchEvent::Queued { input: &job.shown });
                }
                if self.context.ledger.is_shared() {
                    self.leave_to_all(&jobs);
                } else {
                    self.queue.add(ids.into_iter().zip(jobs.into_iter().map(|(job, _)| job)));
                }
            }
            Err(error) => {
                log::warn!("{error}");
                let until = self.pause.begin(self.queue, now);
                for (job, stamp) in jobs {
                    self.in_hand.remove(&job.input);
                    self.outputs.remove(&folded(&job.output));
                    self.waiting.postpone(job, stamp, now, until);
                }
            }
        }
    }

    /// Jobs that are in a queue which workers of other processes take them from too: the ledger has them
    /// until they end, so that they are nothing to look at unless they change.
    fn leave_to_all(&mut self, jobs: &[(Job, Stamp)]) {
        for (job, stamp) in jobs {
            self.in_hand.remove(&job.input);
            self.outputs.remove(&folded(&job.output));
            self.seen.insert(&job.input, stamp);
        }
    }

    /// Stamp of a photograph that is waited for, if it is still there.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        let Some((root, below)) = self.root_of(path) else { return Ok(None) };
        self.filter.stamp(&root.real, below, root.polled.is_some())
    }

    /// Takes up what is in the ledger's queue and not in hand: what another process put there, such
    /// as `polychromify retry`, and inputs that went away.
    fn compare_queue(&mut self) {
        let ledger = &self.context.ledger;
        if ledger.is_shared() {
            return; // workers take it from there
        }
        let compared = ledger.foreign_changes().and_then(|changes| {
            if self.foreign_changes == Some(changes) {
                return Ok(Vec::new());
            }
            let (asked, queued) = (ledger.asked()?, ledger.queued()?);
            self.foreign_changes = Some(changes);
            self.take_asked(asked);
            Ok(queued)
        });
        let queued = compared.unwrap_or_else(|error| {
            log::warn!("{error}");
            Vec::new()
        });
        for (id, input) in queued {
            if self.in_hand.contains_key(&input) || self.waiting.contains(&input) {
                continue;
            }
            if !names::is_absolute_and_plain(&input) {
                continue;
            }
            self.notice(&input);
            let unknown = self.root_of(&input).is_none_or(|(root, _)| root.identity.is_none());
            let is_gone = || {
                let error = input.symlink_metadata().err().map(|error| error.kind());
                matches!(error, Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
            };
            if unknown || self.waiting.contains(&input) || !is_gone() {
                continue;
            }
            let gone = SkipReason::Gone.to_string();
            log::info!("{}: {gone}", input.display());
            if let Err(error) = self.context.ledger.lose(id, &gone) {
                log::warn!("{error}");
            }
        }
    }

    /// Takes jobs that somebody asked for by `polychromify review`, wherever their inputs lie: they
    /// stand still, and come before all else that is queued.
    fn take_asked(&mut self, asked: Vec<(i64, Job)>) {
        for (id, job) in asked.into_iter().rev() {
            let name = folded(&job.output);
            let is_taken = self.in_hand.contains_key(&job.input) || self.outputs.contains(&name);
            if is_taken || self.departures.is_leaving(&job.input) {
                self.foreign_changes = None; // it is looked at again
                continue;
            }
            let Ok(stamp) = fingerprint::stamp(&job.input) else { continue }; // it is told as gone
            self.in_hand.insert(job.input.clone(), stamp);
            self.outputs.insert(name);
            self.queue.add_first(id, job);
        }
    }
}

/// A result's name as file systems that ignore case compare it.
fn folded(output: &Path) -> String {
    output.to_string_lossy().to_lowercase()
}
