//! Frames of a folder that are one film: files whose names differ in a number alone.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::plan::job::{Job, identity};
use crate::plan::names::{self, Naming};

/// Fewest files that are taken for a sequence.
const FEWEST: usize = 3;

/// Most digits of a number.
const MOST_DIGITS: usize = 15;

/// Names that differ in one number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pattern {
    before: String,
    /// Digits that a number has at least, zeros before it.
    digits: usize,
    after: String,
}

/// A frame of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    /// It as a photograph.
    pub(crate) job: Job,
}

/// Frames that are one film.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// As the user would write it: `in/scan_%06d.tif`.
    pub(crate) shown: PathBuf,
    /// Its folder, as an absolute path free of links.
    folder: PathBuf,
    pattern: Pattern,
    /// The list of its results, below the output folder.
    pub(crate) list: PathBuf,
    /// In the order of their numbers.
    pub(crate) frames: Vec<Frame>,
}

impl Pattern {
    /// Reads what printf and ffmpeg know: `scan_%06d.tif`, `scan_%d.tif`.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (before, rest) = name.split_once('%')?;
        let (digits, after) = rest.split_once('d')?;
        let is_width = digits.is_empty() || digits.starts_with('0');
        let digits = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        let pattern = Self { before: before.to_owned(), digits, after: after.to_owned() };
        (is_width && (1..=MOST_DIGITS).contains(&digits)).then_some(pattern)
    }

    /// The number of a name, if it is one of the pattern's.
    fn number(&self, name: &str) -> Option<u64> {
        let number = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let is_number = (self.digits..=MOST_DIGITS).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { number.parse().ok() } else { None }
    }

    fn name(&self) -> String {
        let Self { before, digits, after } = self;
        if *digits > 1 {
            format!("{before}%0{digits}d{after}")
        } else {
            format!("{before}%d{after}")
        }
    }

    /// The name of a frame.
    pub(crate) fn frame(&self, number: u64) -> String {
        let Self { before, digits, after } = self;
        format!("{before}{number:0digits$}{after}", digits = *digits)
    }

    /// All ways in which a name may be one of a sequence, each with the number's text.
    fn of_frame(name: &str) -> Vec<(Self, &str)> {
        let stem = name.rfind('.').unwrap_or(name.len());
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(start) = name[from..stem].find(|c: char| c.is_ascii_digit()) {
            let start = from + start;
            let rest = &name[start..stem];
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            from = start + digits;
            if digits <= MOST_DIGITS {
                let (before, after) = (name[..start].to_owned(), name[from..].to_owned());
                found.push((Self { before, digits: 0, after }, &name[start..from]));
            }
        }
        found
    }
}

impl Sequence {
    /// The sequence that a user names by its pattern; `None`: the path is none, or leads to a file.
    pub(super) fn named(path: &Path) -> Result<Option<Self>> {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(pattern) = name.filter(|_| names::is_frame(path)).and_then(Pattern::of_name)
        else {
            return Ok(None);
        };
        if path.symlink_metadata().is_ok() {
            return Ok(None);
        }
        let folder = identity(path)?.parent().unwrap_or(Path::new("/")).to_path_buf();
        let mut jobs = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(Error::io(path, "read"))? {
            let name = entry.map_err(Error::io(path, "read"))?.file_name();
            if name.to_str().is_some_and(|name| pattern.number(name).is_some()) {
                jobs.push(Job {
                    shown: path.with_file_name(&name),
                    input: folder.join(&name),
                    below: PathBuf::from(&name),
                    output: name.into(),
                    named: true,
                });
            }
        }
        let sequence = Self::new(&folder, pattern, jobs);
        sequence.map(Some).ok_or_else(|| Error::NoFrames { pattern: path.to_path_buf() })
    }

    /// The sequences among photographs of any folders, and how many are left.
    pub(super) fn find_all(jobs: Vec<Job>) -> (Vec<Self>, usize) {
        let mut folders: BTreeMap<PathBuf, Vec<Job>> = BTreeMap::new();
        for job in jobs {
            let folder = job.input.parent().unwrap_or(Path::new("/")).to_path_buf();
            folders.entry(folder).or_default().push(job);
        }
        let (mut all, mut left) = (Vec::new(), 0);
        for (folder, jobs) in folders {
            let (sequences, rest) = Self::find(&folder, jobs);
            all.extend(sequences);
            left += rest.len();
        }
        (all, left)
    }

    /// The sequences among photographs of a folder, and what is left.
    fn find(folder: &Path, jobs: Vec<Job>) -> (Vec<Self>, Vec<Job>) {
        let mut counts: HashMap<Pattern, usize> = HashMap::new();
        let named: Vec<(String, Job)> = jobs.into_iter().map(|job| (name(&job), job)).collect();
        for (pattern, _) in named.iter().flat_map(|(name, _)| Pattern::of_frame(name)) {
            *counts.entry(pattern).or_default() += 1;
        }
        let mut groups: Vec<(Pattern, Vec<Job>)> = Vec::new();
        let mut places: HashMap<Pattern, usize> = HashMap::new();
        let mut left = Vec::new();
        for (name, job) in named {
            // Of equals the last number of a name counts frames.
            let best =
                Pattern::of_frame(&name).into_iter().max_by_key(|(pattern, _)| counts[pattern]);
            match best.filter(|(pattern, _)| counts[pattern] >= FEWEST) {
                Some((pattern, number)) => {
                    let place = *places.entry(pattern.clone()).or_insert_with(|| {
                        groups.push((pattern, Vec::new()));
                        groups.len() - 1
                    });
                    let digits = &mut groups[place].0.digits;
                    *digits = if *digits == 0 { number.len() } else { number.len().min(*digits) };
                    groups[place].1.push(job);
                }
                None => left.push(job),
            }
        }
        let (sequences, few): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(_, jobs)| jobs.len() >= FEWEST);
        left.extend(few.into_iter().flat_map(|(_, jobs)| jobs));
        let of_group = |(pattern, jobs)| Self::new(folder, pattern, jobs);
        (sequences.into_iter().filter_map(of_group).collect(), left)
    }

    /// The sequence of a pattern; `None`: there is no frame of it.
    fn new(folder: &Path, pattern: Pattern, jobs: Vec<Job>) -> Option<Self> {
        let mut frames: Vec<Frame> = jobs
            .into_iter()
            .filter_map(|job| Some(Frame { number: pattern.number(&name(&job))?, job }))
            .collect();
        frames.sort_by_key(|frame| frame.number);
        let first = &frames.first()?.job;
        let shown = first.shown.with_file_name(pattern.name());
        let list = first.output.with_file_name(pattern.name() + ".json");
        Some(Self { shown, folder: folder.to_path_buf(), pattern, list, frames })
    }

    /// Whether ffmpeg reads its frames, and makes one film of them.
    pub(crate) fn is_dpx(&self) -> bool {
        names::is_dpx(&self.shown)
    }

    /// The job of the film that its frames are.
    pub(crate) fn as_film(&self, naming: Naming) -> Job {
        let below = self.frames[0].job.below.with_file_name(self.pattern.name());
        Job { output: naming.result(&below), ..self.job() }
    }

    /// Its job, whose result is its list.
    pub(crate) fn job(&self) -> Job {
        let first = &self.frames[0].job;
        Job {
            shown: self.shown.clone(),
            input: self.folder.join(self.pattern.name()),
            below: first.below.with_file_name(self.pattern.name()),
            output: self.list.clone(),
            named: first.named,
        }
    }

    /// Its files as ffmpeg's demuxer image2 takes them, to which `%` in a folder's name is one half of
    /// two; and the first number.
    pub(crate) fn as_pattern(&self) -> (PathBuf, u64) {
        let doubled = |text: &str| text.replace('%', "%%");
        let Pattern { before, digits, after } = &self.pattern;
        let pattern = Pattern { before: doubled(before), digits: *digits, after: doubled(after) };
        let folder = doubled(&self.folder.to_string_lossy());
        (Path::new(&folder).join(pattern.name()), self.frames[0].number)
    }

    /// The name of the first frame that is missing, and how many are.
    pub(crate) fn gap(&self) -> Option<(String, u64)> {
        let steps = self.frames.windows(2).map(|pair| (pair[0].number, pair[1].number));
        let mut gaps = steps.filter(|(before, after)| *after > before + 1);
        let (before, after) = gaps.next()?;
        let count: u64 = after - before - 1 + gaps.map(|(b, a)| a - b - 1).sum::<u64>();
        Some((self.pattern.frame(before + 1), count))
    }

    /// Two frames of the same number, which is written otherwise in each.
    pub(crate) fn twins(&self) -> Option<(&Frame, &Frame)> {
        let mut pairs = self.frames.windows(2);
        pairs.find_map(|pair| (pair[0].number == pair[1].number).then_some((&pair[0], &pair[1])))
    }

    /// Files that are frames of it by now.
    pub(crate) fn count_now(&self) -> io::Result<usize> {
        let mut count = 0;
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| self.pattern.number(name));
            count += usize::from(number.is_some());
        }
        Ok(count)
    }
}

fn name(job: &Job) -> String {
    job.input.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str]) -> (Vec<(String, Vec<u64>)>, Vec<String>) {
        let folder = Path::new("/in");
        let job = |name: &&str| {
            Job::in_folder(Path::new("in"), folder, (*name).into(), Naming::Photographs(None))
        };
        let (sequences, left) = Sequence::find(folder, names.iter().map(job).collect());
        let told = |sequence: &Sequence| {
            let numbers = sequence.frames.iter().map(|frame| frame.number).collect();
            (sequence.shown.display().to_string(), numbers)
        };
        (sequences.iter().map(told).collect(), left.iter().map(name).collect())
    }

    #[test]
    #[cfg(unix)] // films
    fn files_that_differ_in_a_number_alone_are_a_sequence() {
        let names = ["s_002.tif", "s_001.tif", "s_003.tif", "s_001.png", "cover.tif", "s_010.tif"];
        let (sequences, left) = find(&names);
        assert_eq!(sequences, [("in/s_%03d.tif".to_owned(), vec![1, 2, 3, 10])]);
        assert_eq!(left, ["s_001.png", "cover.tif"]);
        assert_eq!(
            find(&["8.png", "9.png", "10.png"]).0,
            [("in/%d.png".to_owned(), vec![8, 9, 10])]
        );
    }

    #[test]
    #[cfg(unix)] // films
    fn the_number_that_most_files_differ_in_counts_the_frames() {
        let reels = ["r1_01.tif", "r1_02.tif", "r1_03.tif", "r2_01.tif", "r2_02.tif", "r2_03.tif"];
        let (sequences, left) = find(&reels);
        let patterns: Vec<_> = sequences.iter().map(|(pattern, _)| pattern.as_str()).collect();
        assert_eq!((patterns, left.len()), (vec!["in/r1_%02d.tif", "in/r2_%02d.tif"], 0));
        let versions = ["0001_v2.tif", "0002_v2.tif", "0003_v2.tif"];
        assert_eq!(find(&versions).0, [("in/%04d_v2.tif".to_owned(), vec![1, 2, 3])]);
        assert_eq!(find(&["portrait1.tif", "landscape2.tif", "horse3.tif"]).0, []);
    }

    #[test]
    fn gaps_and_twins_are_named() {
        let sequence = |names: &[&str]| {
            let folder = Path::new("/in");
            let job = |name: &&str| {
                Job::in_folder(folder, folder, (*name).into(), Naming::Photographs(None))
            };
            Sequence::find(folder, names.iter().map(job).collect()).0.remove(0)
        };
        let gaps = sequence(&["a08.tif", "a09.tif", "a12.tif", "a14.tif"]);
        assert_eq!(gaps.gap(), Some(("a10.tif".to_owned(), 3)));
        assert!(gaps.twins().is_none());
        let twins = sequence(&["a1.tif", "a2.tif", "a02.tif"]);
        assert_eq!(twins.twins().unwrap().0.number, 2);
        assert_eq!(twins.gap(), None);
    }

    #[test]
    fn patterns_are_those_of_printf() {
        let number = |pattern: &str, name: &str| Pattern::of_name(pattern)?.number(name);
        assert_eq!(number("s_%04d.tif", "s_0012.tif"), Some(12));
        assert_eq!(number("s_%04d.tif", "s_12345.tif"), Some(12345));
        assert_eq!(number("s_%04d.tif", "s_012.tif"), None);
        assert_eq!(number("%d.png", "7.png"), Some(7));
        assert_eq!(number("%d.png", "+7.png"), None);
        for name in ["a.tif", "100%.tif", "%s.tif", "%4d.tif", "%099d.tif"] {
            assert_eq!(Pattern::of_name(name), None, "{name}");
        }
    }
}
