//! How long a run takes and how much it writes, from headers and from coloring a few photographs to
//! nowhere: the only speed that counts is that of this machine with these photographs.

use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use polychromify_core::{Depth, Format};

use crate::files::room;
use crate::job::{Coloring, Estimate, JobContext, JobDetails};
use crate::plan::Job;

/// No further photograph is measured after this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Larger ones are measured only where there are no others.
const LARGE: u64 = 50_000_000; // pixels

/// A photograph that would be colored, as its header tells.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) job: Job,
    /// SHA-256 of the input.
    pub(super) content: String,
    /// Format of the result.
    pub(super) format: Format,
    pub(super) depth: Depth,
    /// Pixels of all its pages, and of those of its result.
    pub(super) pixels: u64,
    pub(super) result_pixels: u64,
}

/// Photographs that cost alike: format and depth of their results.
type CostClass = (u8, u8);

/// What coloring one photograph took.
#[derive(Clone, Copy, Debug)]
struct Sample {
    pixels: f64,
    result_pixels: f64,
    seconds: f64,
    bytes: f64,
}

/// Measures some of `candidates` and estimates all, in the same order; empty where none could be
/// measured.
pub(super) fn estimate(
    context: &JobContext,
    candidates: &[Candidate],
    workers: usize,
) -> Vec<Estimate> {
    let samples = measure(context, candidates, workers);
    let all: Vec<Sample> = samples.values().flatten().copied().collect();
    if all.is_empty() {
        return Vec::new();
    }
    let rates = |samples: &[Sample]| {
        let points = |y: fn(&Sample) -> f64, x: fn(&Sample) -> f64| {
            samples.iter().map(|sample| (x(sample), y(sample))).collect::<Vec<_>>()
        };
        let seconds = Line::through(&points(|s| s.seconds, |s| s.pixels));
        let bytes = Line::through(&points(|s| s.bytes, |s| s.result_pixels));
        (seconds, bytes)
    };
    let of_kind: BTreeMap<CostClass, _> =
        samples.iter().map(|(kind, samples)| (*kind, rates(samples))).collect();
    let of_any = rates(&all);
    candidates
        .iter()
        .map(|candidate| {
            let (seconds, bytes) = of_kind.get(&kind(candidate)).unwrap_or(&of_any);
            Estimate {
                seconds: seconds.at(candidate.pixels as f64),
                bytes: bytes.at(candidate.result_pixels as f64).round() as u64,
            }
        })
        .collect()
}

fn kind(candidate: &Candidate) -> CostClass {
    (candidate.format as u8, candidate.depth as u8)
}

/// Colors a few photographs of each kind to nowhere, as many at a time as the run would.
fn measure(
    context: &JobContext,
    candidates: &[Candidate],
    workers: usize,
) -> BTreeMap<CostClass, Vec<Sample>> {
    let chosen = choose(candidates, workers);
    let (next, samples) =
        (AtomicUsize::new(0), Mutex::new(BTreeMap::<CostClass, Vec<Sample>>::new()));
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..workers.min(chosen.len()) {
            scope.spawn(|| {
                while let Some(candidate) = chosen.get(next.fetch_add(1, Ordering::Relaxed))
                    && started.elapsed() < PATIENCE
                    && !context.stop.is_asked()
                {
                    // A photograph that fails is told when its time comes.
                    let Some(sample) = color(context, candidate) else { continue };
                    let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
                    samples.entry(kind(candidate)).or_default().push(sample);
                }
            });
        }
    });
    samples.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn color(context: &JobContext, candidate: &Candidate) -> Option<Sample> {
    let (started, mut out) = (Instant::now(), Nowhere::default());
    let details = &mut JobDetails::default();
    let (job, content, limits) = (&candidate.job, &candidate.content, context.limits_from_now());
    let (treatment, original) =
        (&context.treatment(&job.output, content).ok()?, job.original().open().ok()?);
    let coloring = Coloring { job, treatment, content, time: 0, colors: None };
    let colored = context.color_to(&coloring, &original, &limits, &mut out, details);
    let Ok(ControlFlow::Continue(_)) = colored else { return None };
    Some(Sample {
        pixels: candidate.pixels as f64,
        result_pixels: candidate.result_pixels as f64,
        seconds: started.elapsed().as_secs_f64(),
        bytes: out.end as f64,
    })
}

/// Of each kind some photographs of all sizes, each once, the middle ones first, kinds by turns: two
/// for each worker, if there are as many.
fn choose(candidates: &[Candidate], workers: usize) -> Vec<&Candidate> {
    let mut kinds: BTreeMap<CostClass, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates {
        kinds.entry(kind(candidate)).or_default().push(candidate);
    }
    let most = 3.max((2 * workers).div_ceil(kinds.len().max(1)));
    for of_kind in kinds.values_mut() {
        of_kind.sort_by_key(|candidate| candidate.pixels);
        let small = of_kind.partition_point(|candidate| candidate.pixels <= LARGE).max(1);
        let count = most.min(small);
        let mut places: Vec<usize> =
            (0..count).map(|i| (2 * i + 1) * small / (2 * count)).collect();
        places.sort_by_key(|place| place.abs_diff(small / 2));
        *of_kind = places.into_iter().map(|place| of_kind[place]).collect();
    }
    let mut chosen = Vec::new();
    for turn in 0..most {
        chosen.extend(kinds.values().filter_map(|of_kind| of_kind.get(turn).copied()));
    }
    chosen
}

/// A cost that grows with the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    start: f64,
    slope: f64,
}

impl Line {
    /// Least squares; in proportion where the points do not tell both numbers.
    fn through(points: &[(f64, f64)]) -> Self {
        let count = points.len() as f64;
        let sum = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>();
        let (x, y) = (sum(|p| p.0) / count, sum(|p| p.1) / count);
        let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread;
        let start = y - slope * x;
        let tells_both = spread > count * (x / 4.0).powi(2) && slope >= 0.0 && start >= 0.0;
        if tells_both { Self { start, slope } } else { Self { start: 0.0, slope: y / x.max(1.0) } }
    }

    fn at(self, pixels: f64) -> f64 {
        self.start + self.slope * pixels
    }
}

/// Time that `workers` take for all of it.
pub(super) fn wall_seconds(estimates: &[Estimate], workers: usize) -> f64 {
    let sum: f64 = estimates.iter().map(|estimate| estimate.seconds).sum();
    let longest = estimates.iter().map(|estimate| estimate.seconds).fold(0.0, f64::max);
    (sum / workers.max(1) as f64).max(longest)
}

/// Bytes that a user may still write where `folder` is, or will be.
pub(super) fn free_space(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.exists())?;
    Some(room::space(there).ok()?.free)
}

/// A file of which only the length is kept.
#[derive(Debug, Default)]
struct Nowhere {
    at: u64,
    end: u64,
}

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.at += bytes.len() as u64;
        self.end = self.end.max(self.at);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Nowhere {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_both_numbers_only_where_the_points_do() {
        let line = Line::through(&[(1e6, 1.1), (2e6, 2.1), (3e6, 3.1)]);
        assert!((line.at(0.0) - 0.1).abs() < 1e-9 && (line.at(10e6) - 10.1).abs() < 1e-9);
        for points in [&[(2e6, 1.0)][..], &[(2e6, 1.0), (2e6, 3.0)], &[(1e6, 9.0), (3e6, 1.0)]] {
            let line = Line::through(points);
            assert!(line.start == 0.0 && line.at(4e6) > line.at(2e6), "{line:?}");
        }
    }

    #[test]
    fn photographs_of_all_sizes_and_kinds_are_measured_once() {
        let candidate = |number: u64, format, pixels| Candidate {
            job: Job {
                shown: number.to_string().into(),
                input: number.to_string().into(),
                below: number.to_string().into(),
                output: number.to_string().into(),
                named: false,
            },
            content: String::new(),
            format,
            depth: Depth::Eight,
            pixels,
            result_pixels: pixels,
        };
        let mut all: Vec<Candidate> =
            (0..100).map(|i| candidate(i, Format::Jpeg, 1_000_000 + i)).collect();
        all.push(candidate(100, Format::Tiff, 600_000_000));
        all.push(candidate(101, Format::Tiff, 600_000_001));
        all.push(candidate(102, Format::Jpeg, 600_000_002));
        let chosen: Vec<u64> = choose(&all, 2)
            .iter()
            .map(|c| c.job.input.to_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(chosen, [50, 100, 83, 16]);
        assert_eq!(choose(&all[..1], 1).len(), 1);
        assert_eq!(choose(&all[..100], 8).len(), 16);
        assert!(choose(&[], 2).is_empty());
    }

    #[test]
    fn what_is_written_over_is_counted_once() {
        let mut out = Nowhere::default();
        out.write_all(&[0; 100]).unwrap();
        out.seek(SeekFrom::Start(4)).unwrap();
        out.write_all(&[0; 8]).unwrap();
        out.seek(SeekFrom::End(0)).unwrap();
        out.write_all(&[0; 10]).unwrap();
        assert_eq!(out.end, 110);
        assert!(out.seek(SeekFrom::Current(-200)).is_err());
    }

    #[test]
    fn workers_share_the_work_but_not_one_photograph() {
        let of = |seconds| Estimate { seconds, bytes: 0 };
        assert_eq!(wall_seconds(&[of(1.0), of(1.0), of(2.0)], 2), 2.0);
        assert_eq!(wall_seconds(&[of(9.0), of(1.0)], 2), 9.0);
        assert!(free_space(Path::new("/no/such/folder")).unwrap() > 0);
    }
}
