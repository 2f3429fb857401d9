//! Looks ahead for the frames of a sequence that the user gave colors to: frames before them take a part of
//! that, and are colored earlier.

use std::path::PathBuf;

use polychromify_core::{Anchor, Given, LookAhead};
use rayon::prelude::*;

use super::guidance::Moment;
use super::refusal::Refusal;
use crate::error::{Error, Result};
use crate::job::JobContext;
use crate::plan::Sequence;

/// Frames that are viewed together.
pub(super) const TOGETHER: usize = 8;

/// Frames before one in which motion is followed.
const REACH: usize = 750;

/// The frames that the user gave colors to, one after the other.
pub(super) struct Ahead<'a> {
    context: &'a JobContext,
    sequence: &'a Sequence,
    /// What was given, in order, and the places of its frames.
    moments: &'a [Moment],
    places: Vec<usize>,
    /// Those that were taken.
    taken: usize,
    looking: Option<LookAhead<'a>>,
    /// Place of the frame that is looked at next.
    next: usize,
}

/// Places of the frames that were given colors; refuses what is for none of the sequence.
pub(super) fn places(sequence: &Sequence, moments: &[Moment]) -> Result<Vec<usize>> {
    let mut places: Vec<usize> = Vec::with_capacity(moments.len());
    for moment in moments {
        let given = || moment.path.clone();
        let number = moment.at.cast_unsigned();
        let place = sequence.frames.binary_search_by_key(&number, |frame| frame.number);
        let refusal = match place {
            Ok(place) if places.last() == Some(&place) => {
                Refusal::GivenTwice { given: given(), frame: name(sequence, place) }
            }
            Ok(place) => {
                places.push(place);
                continue;
            }
            Err(_) => Refusal::NoFrame { given: given(), number },
        };
        return Err(Error::Film { path: sequence.shown.clone(), refusal });
    }
    Ok(places)
}

fn name(sequence: &Sequence, place: usize) -> String {
    let path = &sequence.frames[place].job.shown;
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl<'a> Ahead<'a> {
    pub(super) fn new(
        context: &'a JobContext,
        sequence: &'a Sequence,
        moments: &'a [Moment],
    ) -> Result<Self> {
        let places = places(sequence, moments)?;
        Ok(Self { context, sequence, moments, places, taken: 0, looking: None, next: 0 })
    }

    /// Gives the anchors that have to be known before the frame at a place is colored.
    pub(super) fn before(&mut self, place: usize) -> Result<Vec<Anchor>> {
        let mut anchors = Vec::new();
        while self.taken < self.places.len()
            && (self.taken == 0 || self.places[self.taken - 1] < place)
        {
            anchors.push(self.look(self.places[self.taken], &self.moments[self.taken])?);
            self.taken += 1;
        }
        Ok(anchors)
    }

    fn look(&mut self, place: usize, moment: &Moment) -> Result<Anchor> {
        let begin = place.saturating_sub(REACH);
        if self.looking.is_none() || begin > self.next {
            self.looking = None;
            self.next = begin;
        }
        let (context, first) = (self.context, self.next as u64);
        let new = || LookAhead::new(&context.model.colorizer, first);
        let looking = self.looking.get_or_insert_with(new);
        let mut size = (0, 0);
        for some in self.sequence.frames[self.next..=place].chunks(TOGETHER) {
            let images: Vec<_> = some.par_iter().map(|frame| context.view(&frame.job)).collect();
            for image in images {
                let image = image?;
                size = image.scan_size();
                looking.push(image);
            }
        }
        self.next = place + 1;
        let refuse = |why: fn(PathBuf, String) -> Refusal| {
            let refusal = why(moment.path.clone(), name(self.sequence, place));
            Error::Film { path: self.sequence.shown.clone(), refusal }
        };
        if let Given::Hints(hints) = &moment.given
            && hints.outside(0, size).next().is_some()
        {
            return Err(refuse(|hints, frame| Refusal::HintOutside { hints, frame }));
        }
        let anchor = looking.anchor(place as u64, &moment.given)?;
        anchor.ok_or_else(|| refuse(|picture, frame| Refusal::OtherPicture { picture, frame }))
    }
}
