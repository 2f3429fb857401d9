//! Frames get their colors: read, viewed, colored, painted and encoded, each beside the others.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use indicatif::ProgressBar;
use polychromify_core::{ChromaMap, ColoredFrame, Error as CoreError, Film, FilmSettings};
use rayon::prelude::*;

use super::ahead::Ahead;
use super::canvas::Canvas;
use super::frames::{Frame, FrameTime, Frames};
use super::guidance::Moment;
use super::probe::{Numbered, Probe};
use super::refusal::Refusal;
use super::segments::Segment;
use super::work::{Shot, Work};
use crate::error::{Error, Result};
use crate::model::OpenedModel;
use crate::stop::Stop;

/// Frames that are worked on together.
const TOGETHER: usize = 4;

/// Frames on their way to the encoder.
type Received = Receiver<Option<Vec<Colored>>>;

/// What a film is colored with.
pub(super) struct Coloring<'a> {
    pub(super) probe: &'a Probe,
    /// The film as the user wrote it.
    pub(super) shown: &'a Path,
    pub(super) model: &'a OpenedModel,
    pub(super) settings: &'a FilmSettings,
    pub(super) moments: &'a [Moment],
    pub(super) canvas: &'a Canvas,
    pub(super) bar: &'a ProgressBar,
    /// Frames that were done with, of all films of a run.
    pub(super) done: &'a AtomicU64,
    pub(super) stop: &'a Stop,
}

/// A frame with its colors, to be painted.
pub(super) struct Colored {
    pub(super) index: u64,
    pub(super) begins_shot: bool,
    pub(super) time: FrameTime,
    pub(super) samples: Vec<u8>,
    pub(super) chroma: ChromaMap,
}

impl Coloring<'_> {
    /// Colors a film into the work folder, from the first shot on that is missing there; gives the
    /// times of all frames and all shots.
    pub(super) fn write_shots(&self, work: &Work) -> Result<(Vec<FrameTime>, Vec<Shot>)> {
        let mut shots = work.shots()?;
        let done = shots.last().map_or(0, |shot| shot.first + shot.frames);
        if done > 0 {
            log::info!("{}: going on at frame {}", self.shown.display(), done + 1);
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        let (times, new) = thread::scope(|scope| {
            let writer = scope.spawn(move || self.write(work, &receiver));
            let times = self.colors(done, &mut |frames| sender.send(Some(frames)).is_ok());
            if times.is_ok() {
                let _ = sender.send(None); // it may have failed
            }
            drop(sender);
            // If it failed, that is why colors ended.
            let new = writer.join().unwrap_or(Err(Error::Panicked))?;
            Ok::<_, Error>((times?, new))
        })?;
        shots.extend(new);
        self.refuse_short(&times)?;
        Ok((times, shots))
    }

    /// Gives frames with their colors, some at a time, until `give` says that no more are wanted; those
    /// before `skipped` are passed over. Gives the times of all frames.
    pub(super) fn colors(
        &self,
        skipped: u64,
        give: &mut dyn FnMut(Vec<Colored>) -> bool,
    ) -> Result<Vec<FrameTime>> {
        let bytes = self.probe.coding.samples.bytes();
        let mut film = Film::new(&self.model.colorizer, bytes, self.settings.clone(), skipped);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let mut ahead = Ahead::start(scope, self, &over);
            let frames = Frames::start(self.probe, self.shown, self.stop)?;
            let mut times = Vec::new();
            let mut waiting = VecDeque::new();
            loop {
                if self.stop.is_asked() {
                    return Err(CoreError::Cancelled.into());
                }
                let read = some(&frames)?;
                let is_end = read.is_empty();
                let mut fresh: Vec<Frame> = Vec::with_capacity(read.len());
                for frame in read {
                    times.push(frame.time);
                    for anchor in ahead.before(frame.time.milliseconds)? {
                        film.add(anchor);
                    }
                    if times.len() as u64 > skipped {
                        fresh.push(frame);
                    } else {
                        self.count();
                    }
                }
                let view = |frame: &Frame| self.canvas.view(&frame.samples);
                let images: Vec<_> = fresh.par_iter().map(view).collect();
                waiting.extend(fresh);
                let mut ready = Vec::new();
                for image in images {
                    ready.extend(film.push(image)?);
                }
                if is_end {
                    ready.extend(film.finish()?);
                    let _ = give(join(ready, &mut waiting));
                    return Ok(times);
                }
                if !ready.is_empty() && !give(join(ready, &mut waiting)) {
                    return Ok(times);
                }
            }
        })
    }

    /// A frame is done with.
    pub(super) fn count(&self) {
        self.bar.inc(1);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes frames as shots. `None` is the end of the film: without it something went wrong, and the
    /// shot in hand is not whole.
    fn write(&self, work: &Work, frames: &Received) -> Result<Vec<Shot>> {
        let (mut shots, mut segment) = (Vec::new(), None::<Segment>);
        loop {
            let frames = match frames.recv() {
                Ok(Some(frames)) => frames,
                Ok(None) => {
                    shots.extend(segment.map(Segment::end).transpose()?);
                    return Ok(shots);
                }
                Err(_) => return Ok(shots),
            };
            for frames in frames.chunks(TOGETHER) {
                self.write_some(work, frames, &mut segment, &mut shots)?;
            }
        }
    }

    /// Paints and writes so many frames that their planes take no room to speak of.
    fn write_some<'a>(
        &'a self,
        work: &'a Work,
        frames: &[Colored],
        segment: &mut Option<Segment<'a>>,
        shots: &mut Vec<Shot>,
    ) -> Result<()> {
        let paint = |frame: &Colored| self.canvas.paint(&frame.chroma, &frame.samples);
        let planes: Vec<_> = frames.par_iter().map(paint).collect();
        for (frame, planes) in frames.iter().zip(&planes) {
            if self.stop.is_asked() {
                return Err(CoreError::Cancelled.into());
            }
            let mut current = match segment.take() {
                Some(segment) if !frame.begins_shot => segment,
                before => {
                    shots.extend(before.map(Segment::end).transpose()?);
                    let start = (frame.index, frame.time.milliseconds);
                    let (coding, rate) = (&self.probe.coding, self.probe.rate);
                    Segment::begin(work, coding, rate, start, self.stop)?
                }
            };
            let kept = self.canvas.kept(&frame.samples);
            if !current.add(frame.time.milliseconds, kept, planes)? {
                return Err(current.failure());
            }
            *segment = Some(current);
            self.count();
        }
        Ok(())
    }

    /// Refuses a film that ends before what its container promises.
    fn refuse_short(&self, times: &[FrameTime]) -> Result<()> {
        let refuse = |refusal| Err(Error::Film { path: self.shown.into(), refusal });
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            return refuse(Refusal::NoFrames);
        };
        let span = (last.milliseconds - first.milliseconds) as f64 / 1000.0;
        let mean = span / (times.len() - 1).max(1) as f64;
        let found = span + mean;
        if let Some(Numbered { count: expected, .. }) = self.probe.numbered
            && times.len() != expected
        {
            return refuse(Refusal::FramesLost { found: times.len(), expected });
        }
        match self.probe.promised {
            Some(promised) if promised - found > (3.0 * mean).max(0.5) => {
                refuse(Refusal::CutOff { found, promised })
            }
            _ => Ok(()),
        }
    }
}

/// The next frames, at least one unless the film is over.
fn some(frames: &Frames) -> Result<Vec<Frame>> {
    let mut read: Vec<Frame> = frames.next()?.into_iter().collect();
    while !read.is_empty()
        && read.len() < TOGETHER
        && let Some(frame) = frames.next_if_ready()?
    {
        read.push(frame);
    }
    Ok(read)
}

/// Joins colors with the frames that they are of.
fn join(ready: Vec<ColoredFrame>, waiting: &mut VecDeque<Frame>) -> Vec<Colored> {
    let joined = ready.into_iter().map_while(|colored| {
        let frame = waiting.pop_front()?;
        Some(Colored {
            index: colored.index,
            begins_shot: colored.begins_shot,
            time: frame.time,
            samples: frame.samples,
            chroma: colored.chroma,
        })
    });
    joined.collect()
}
