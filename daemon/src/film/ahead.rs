//! Looks ahead for the frames that the user gave colors to: frames before them take a part of that, and
//! are colored earlier.
//!
//! The film is decoded once more, by a thread of its own, that is never further ahead than two such
//! frames.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::Scope;

use polychromify_core::{Anchor, Error as CoreError, Given, LookAhead};

use super::coloring::Coloring;
use super::frames::{Frame, Frames};
use super::guidance::Moment;
use super::refusal::Refusal;
use crate::error::{Error, Result};

/// Milliseconds before a frame in which motion is followed.
const REACH: i64 = 30_000;

/// Milliseconds by which a time may miss that of its frame.
const ROUNDING: i64 = 1;

/// Milliseconds that the last frame is taken to be shown for.
const LAST: i64 = 500;

/// The frames that the user gave colors to, one after the other.
pub(super) struct Ahead<'a> {
    moments: &'a [Moment],
    anchors: Option<Receiver<Result<Anchor>>>,
    /// Those that were taken.
    taken: usize,
    over: &'a AtomicBool,
}

impl<'a> Ahead<'a> {
    /// Starts to look ahead; ends when `over` is set, or this is dropped.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, 'a>,
        coloring: &'a Coloring<'a>,
        over: &'a AtomicBool,
    ) -> Self {
        let moments = coloring.moments;
        let anchors = (!moments.is_empty()).then(|| {
            let (sender, receiver) = mpsc::sync_channel(1);
            scope.spawn(move || {
                let looking = Looking { coloring, over };
                if let Err(error) = looking.send_all(&sender) {
                    let _ = sender.send(Err(error)); // nobody colors frames any more
                }
            });
            receiver
        });
        Self { moments, anchors, taken: 0, over }
    }

    /// Gives the anchors that have to be known before the frame is colored that is shown at a time.
    pub(super) fn before(&mut self, milliseconds: i64) -> Result<Vec<Anchor>> {
        let mut anchors = Vec::new();
        while let Some(receiver) = &self.anchors
            && self.taken < self.moments.len()
            && (self.taken == 0 || self.moments[self.taken - 1].at + ROUNDING < milliseconds)
        {
            anchors.push(receiver.recv().unwrap_or(Err(CoreError::Cancelled.into()))?);
            self.taken += 1;
        }
        Ok(anchors)
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.anchors = None;
    }
}

struct Looking<'a> {
    coloring: &'a Coloring<'a>,
    over: &'a AtomicBool,
}

impl Looking<'_> {
    fn send_all(&self, anchors: &SyncSender<Result<Anchor>>) -> Result<()> {
        let Coloring { probe, shown, model, stop, .. } = self.coloring;
        let mut moments = self.coloring.moments.iter();
        let Some(mut moment) = moments.next() else { return Ok(()) };
        let frames = Frames::start(probe, shown, stop)?;
        let mut looking: Option<LookAhead<'_>> = None;
        let mut next = frames.next()?;
        for number in 0.. {
            let Some(frame) = next else {
                return Err(
                    self.refuse(moment, |given, frame| Refusal::EndsBefore { given, frame })
                );
            };
            if self.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            next = frames.next()?;
            if moment.at - frame.time.milliseconds > REACH {
                looking = None;
                continue;
            }
            let looking = looking.get_or_insert_with(|| LookAhead::new(&model.colorizer, number));
            looking.push(self.coloring.canvas.view(&frame.samples));
            if !is_shown(&frame, next.as_ref(), moment) {
                continue;
            }
            self.refuse_outside(moment)?;
            let anchor = looking.anchor(number, &moment.given)?;
            let anchor = anchor.ok_or_else(|| {
                self.refuse(moment, |picture, frame| Refusal::OtherPicture { picture, frame })
            })?;
            if anchors.send(Ok(anchor)).is_err() {
                return Ok(());
            }
            let Some(following) = moments.next() else { return Ok(()) };
            if is_shown(&frame, next.as_ref(), following) {
                return Err(
                    self.refuse(following, |given, frame| Refusal::GivenTwice { given, frame })
                );
            }
            moment = following;
        }
        Ok(())
    }

    fn refuse_outside(&self, moment: &Moment) -> Result<()> {
        let (width, height) = self.coloring.probe.coding.samples.size();
        let size = (width as usize, height as usize);
        match &moment.given {
            Given::Hints(hints) if hints.outside(0, size).next().is_some() => {
                Err(self.refuse(moment, |hints, frame| Refusal::HintOutside { hints, frame }))
            }
            _ => Ok(()),
        }
    }

    fn refuse(&self, moment: &Moment, why: impl FnOnce(PathBuf, String) -> Refusal) -> Error {
        let frame = format!("the frame at {:.3} s", moment.at as f64 / 1000.0);
        let refusal = why(moment.path.clone(), frame);
        Error::Film { path: self.coloring.shown.into(), refusal }
    }
}

/// Whether a frame is the one that is shown at a moment: the last one that begins before it.
fn is_shown(frame: &Frame, next: Option<&Frame>, moment: &Moment) -> bool {
    let ends = match next {
        Some(next) => next.time.milliseconds - ROUNDING,
        None => frame.time.milliseconds + LAST,
    };
    moment.at < ends
}
