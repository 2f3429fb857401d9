//! Pictures that are looked at: decoded once, and held as long as there is room for them.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use polychromify_core::{Scan, Thumbnail, WorkImage};

use super::Review;
use super::pyramid::{BAND, Pixels, Pyramid};
use super::refusal::Refusal;
use super::subject::{Id, Subject};
use crate::error::Error;
use crate::files::originals::OpenOriginal;
use crate::files::publish::{self, Place};
use crate::files::{names, own};
use crate::film::{self, FilmContext, FilmFrame};
use crate::ledger::{Item, Published, Shot};
use crate::plan::Job;
use crate::settings::RenderSettings;

/// Longest side of a small picture.
const THUMB: usize = 320;
const THUMB_QUALITY: u8 = 85;

/// Which picture of a job is meant, and of which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    id: Id,
    is_result: bool,
    /// Changes with the file.
    version: String,
}

impl Key {
    pub(super) fn of_scan(
        subject: &Subject,
        original: &OpenOriginal,
        inverted: bool,
    ) -> Result<Self, Refusal> {
        let version = format!("{}-{}", version_of_scan(subject, original)?, u8::from(inverted));
        Ok(Self { id: subject.id, is_result: false, version })
    }
}

/// The version of a picture of a job's input, in its addresses: it changes with the file, and with the
/// frame that a shot is looked at by.
pub(super) fn version_of_scan(
    subject: &Subject,
    original: &OpenOriginal,
) -> Result<String, Refusal> {
    let stamp = original.stamp()?;
    Ok(with_frame(format!("{:x}-{:x}", stamp.size, stamp.modified), subject.shot.as_ref()))
}

/// The same of a picture of a result, by the SHA-256 of that.
pub(super) fn version_of_result(sha256: &str, shot: Option<&Shot>) -> String {
    with_frame(sha256.get(..16).unwrap_or(sha256).to_owned(), shot)
}

fn with_frame(version: String, shot: Option<&Shot>) -> String {
    match shot {
        Some(shot) => format!("{version}-{}", shot.middle_frame()),
        None => version,
    }
}

/// A picture that is open.
pub(super) struct Picture {
    pub(super) pyramid: Pyramid,
    /// What the network sees of a scan, upright.
    pub(super) image: Option<WorkImage>,
    pub(super) inverted: bool,
    /// What addresses of it tell.
    pub(super) version: String,
    /// At which a frame of a film is shown.
    pub(super) milliseconds: Option<i64>,
}

type Slot<T> = Arc<OnceLock<Result<Arc<T>, String>>>;

/// Things that are made once and kept while they are used and fit.
pub(super) struct Kept<K, T> {
    most: u64,
    size: fn(&T) -> u64,
    /// The latest used last.
    slots: Mutex<Vec<(K, Slot<T>)>>,
}

impl<K: Clone + PartialEq, T> Kept<K, T> {
    /// Keeps as many as their sizes together are `most`, and the latest.
    pub(super) fn new(most: u64, size: fn(&T) -> u64) -> Self {
        Self { most, size, slots: Mutex::new(Vec::new()) }
    }

    /// What is kept under a key.
    pub(super) fn find(&self, key: &K) -> Option<Arc<T>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, slot) = slots.iter().find(|(known, _)| known == key)?;
        slot.get()?.as_ref().ok().cloned()
    }

    /// What is kept under a key; it is made if nothing is, once for all who ask at the same time.
    pub(super) fn get(
        &self,
        key: &K,
        make: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<Arc<T>, Refusal> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let known = slots.iter().position(|(known, _)| known == key);
            let entry = known.map_or_else(|| (key.clone(), Slot::default()), |at| slots.remove(at));
            let slot = Arc::clone(&entry.1);
            slots.push(entry);
            slot
        };
        let made = slot.get_or_init(|| make().map(Arc::new).map_err(|refusal| refusal.to_string()));
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if made.is_err() {
            slots.retain(|(_, other)| !Arc::ptr_eq(other, &slot)); // it may work the next time
        }
        let size = |slot: &Slot<T>| match slot.get() {
            Some(Ok(made)) => (self.size)(made),
            _ => 0,
        };
        while slots.len() > 1 && slots.iter().map(|(_, slot)| size(slot)).sum::<u64>() > self.most {
            slots.remove(0);
        }
        made.clone().map_err(Refusal::Unable)
    }
}

/// The original of a photograph, or of the film that a shot is of, opened.
pub(super) fn original(subject: &Subject) -> Result<OpenOriginal, Refusal> {
    let Subject { item, shot, .. } = subject;
    if item.is_film && shot.is_none() {
        return Err(Refusal::Unable("a film is looked at by its shots".to_owned()));
    }
    if !names::is_absolute_and_plain(&item.input) || !names::stays_below(&item.output) {
        return Err(Refusal::NotThere);
    }
    let job = Job::recorded(item.input.clone(), item.output.clone());
    job.original().open().map_err(|error| Refusal::Unable(error.to_string()))
}

/// The frame that a shot is looked at by, of those that `find` finds at a second or later: the one in its
/// middle, or its first where frames are not evenly spaced and another shot's lies there. `later`: seconds
/// by which all of the film comes later than in the source.
fn frame_of(
    shot: &Shot,
    later: f64,
    find: impl Fn(f64) -> Result<FilmFrame, Error>,
) -> Result<FilmFrame, Error> {
    let is_own = |found: &FilmFrame| shot.contains(found.milliseconds as f64 / 1000.0 - later);
    match find(shot.middle() + later) {
        Ok(found) if is_own(&found) => Ok(found),
        _ => find(shot.beginning() + later),
    }
}

impl Review {
    /// The picture of a job's input, by its open original.
    pub(super) fn before(
        &self,
        subject: &Subject,
        original: &OpenOriginal,
    ) -> Result<Arc<Picture>, Refusal> {
        let inverted = self.is_inverted(subject);
        let key = Key::of_scan(subject, original, inverted)?;
        self.pictures.get(&key, || self.read_before(subject, original, inverted))
    }

    fn read_before(
        &self,
        subject: &Subject,
        original: &OpenOriginal,
        inverted: bool,
    ) -> Result<Picture, Refusal> {
        let version = version_of_scan(subject, original)?;
        let (mut scan, milliseconds) = match &subject.shot {
            None => {
                let mut scan = original.scan(&self.context.limits_from_now())?;
                scan.select(subject.page)?;
                (scan, None)
            }
            Some(shot) => {
                let (scan, at) = self.frame(&subject.item.input, shot, film::Seen::Lightness)?;
                (scan, Some(at))
            }
        };
        scan.set_inverted(inverted);
        let info = scan.info().clone();
        let area = self.context.model.colorizer.work_area();
        let mut thumbnail = Thumbnail::new(info.width, info.height, info.orientation, area);
        scan.read_lightness(BAND, &mut |y, lightness| {
            thumbnail.push_rows(y, lightness);
            Ok(())
        })?;
        let pyramid = Pyramid::read(&mut scan, self.memory / 2)?;
        let image = Some(thumbnail.finish().upright());
        Ok(Picture { pyramid, image, inverted, version, milliseconds })
    }

    /// The frame of a shot that it is looked at by, and the milliseconds at which it is shown.
    fn frame(&self, path: &Path, shot: &Shot, seen: film::Seen) -> Result<(Scan, i64), Refusal> {
        let stop = &self.context.stop;
        let later = if seen == film::Seen::Colors { shot.later } else { 0.0 };
        let found = frame_of(shot, later, |seconds| film::frame(path, seconds, seen, stop))?;
        let FilmFrame { picture, milliseconds } = found;
        let limits = self.context.limits_from_now();
        Ok((Scan::read(Cursor::new(picture), path, &limits)?, milliseconds))
    }

    /// The picture of a result, as it lies there.
    pub(super) fn after(&self, subject: &Subject) -> Result<Arc<Picture>, Refusal> {
        let result = self.reading.result_of(&subject.item)?.ok_or(Refusal::NotThere)?;
        let key = Key { id: subject.id, is_result: true, version: result.sha256.clone() };
        self.pictures.get(&key, || {
            let (mut scan, milliseconds) = match &subject.shot {
                None => {
                    let mut scan = self.open_result(&subject.item, &result)?;
                    scan.select(subject.page)?;
                    (scan, None)
                }
                Some(shot) => {
                    let path = self.unchanged(&subject.item, &result)?;
                    let (scan, at) = self.frame(&path, shot, film::Seen::Colors)?;
                    (scan, Some(at))
                }
            };
            let pyramid = Pyramid::read(&mut scan, self.memory / 2)?;
            let version = version_of_result(&result.sha256, subject.shot.as_ref());
            Ok(Picture { pyramid, image: None, inverted: false, version, milliseconds })
        })
    }

    /// A result that lies there unchanged.
    pub(super) fn open_result(&self, item: &Item, result: &Published) -> Result<Scan, Refusal> {
        if item.is_film {
            return Err(Refusal::NotThere);
        }
        let path = self.unchanged(item, result)?;
        let file = own::open(&path)?;
        Ok(Scan::read(file, &path, &self.context.limits_from_now())?)
    }

    /// Where a result lies, if nobody changed it.
    fn unchanged(&self, item: &Item, result: &Published) -> Result<PathBuf, Refusal> {
        if !names::stays_below(&item.output) {
            return Err(Refusal::NotThere);
        }
        let path = self.folder.join(&item.output);
        match publish::inspect_result(&path, Some(result), true)? {
            Place::Ours => Ok(path),
            Place::Free => Err(Refusal::Unable("the result is not there any more".to_owned())),
            Place::Edited | Place::Foreign => Err(Refusal::Failed(Error::Edited { path })),
        }
    }

    /// A small JPEG of a job's result or of a shot, and its version; of its input where there is no
    /// result, without one.
    pub(super) fn thumb(
        &self,
        subject: &Subject,
    ) -> Result<(Arc<Vec<u8>>, Option<String>), Refusal> {
        let item = &subject.item;
        let result = self.reading.result_of(item)?;
        let version = result.as_ref().map(|result| result.sha256.clone()).unwrap_or_default();
        let key = Key { id: subject.id, is_result: result.is_some(), version };
        let thumb = self.thumbs.get(&key, || {
            let mut scan = match &result {
                Some(result) if item.is_film => {
                    let path = self.unchanged(item, result)?;
                    let still = |at| film::still(&path, at, THUMB, &self.context.stop);
                    let frame = match &subject.shot {
                        Some(shot) => frame_of(shot, shot.later, |seconds| still(Some(seconds)))?,
                        None => still(None)?,
                    };
                    return Ok(frame.picture);
                }
                Some(result) => self.open_result(item, result)?,
                None => original(subject)?.scan(&self.context.limits_from_now())?,
            };
            let longest = scan.info().width.max(scan.info().height) as usize;
            let channels = if scan.has_colors() { 3 } else { 1 };
            let pixels = Pixels::read(&mut scan, channels, longest.div_ceil(THUMB))?;
            pixels.jpeg(THUMB_QUALITY).ok_or(Refusal::TooLarge)
        })?;
        let shot = subject.shot.as_ref();
        Ok((thumb, result.map(|result| version_of_result(&result.sha256, shot))))
    }

    /// Whether the scan of a job is colored as a negative.
    fn is_inverted(&self, subject: &Subject) -> bool {
        self.settings(subject).is_ok_and(|settings| settings.invert)
    }

    /// What the result of a job was made with, or would be.
    pub(super) fn settings(&self, subject: &Subject) -> Result<RenderSettings, Refusal> {
        let precision = self.context.model.settings.precision;
        let told = match self.reading.result_of(&subject.item)? {
            Some(result) => Some(result.recipe.settings),
            None => self.reading.settings_of(subject.item.id)?,
        };
        let read = told.and_then(|told| {
            if subject.shot.is_none() {
                return RenderSettings::read(&told, precision);
            }
            let saturation = FilmContext::saturation_told(&told)?;
            Some(RenderSettings::of_frames(saturation, precision))
        });
        read.ok_or_else(|| {
            Refusal::Unable("only the command that made it makes it again".to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The milliseconds of the frame that a shot is looked at by, of a film whose frames are shown at
    /// these.
    fn looked_at_by(shot: &Shot, later: f64, frames: &[i64]) -> i64 {
        let find = |seconds: f64| {
            let found = frames.iter().find(|&&at| at as f64 >= 1000.0 * seconds);
            let ended = || Error::Edited { path: "the film ends before".into() };
            let milliseconds = *found.ok_or_else(ended)?;
            Ok(FilmFrame { picture: Vec::new(), milliseconds })
        };
        frame_of(shot, later, find).unwrap().milliseconds
    }

    #[test]
    fn a_shot_is_looked_at_by_its_first_frame_where_another_shot_s_lies_in_its_middle() {
        let shot = Shot { frame: 1, seconds: 0.04, ends: Some(1.0), frames: Some(2), later: 0.1 };
        let frames = [0, 40, 80, 1000, 1040];
        assert_eq!(looked_at_by(&shot, 0.0, &frames), 40);
        assert_eq!(looked_at_by(&shot, 0.1, &frames.map(|at| at + 100)), 140);
        assert_eq!(looked_at_by(&shot, 0.0, &[0, 40, 520, 1000]), 520);
        assert_eq!(looked_at_by(&shot, 0.0, &frames[..3]), 40, "it ends before");
    }
}
