//! The straight inner edge of a border, looked for from one side of a picture.

use std::ops::Range;

/// L* up to which a border counts as dark: film base, scanner lids.
pub(super) const DARK: f32 = 25.0;

/// L* from which on a border counts as light: paper, a light table.
pub(super) const LIGHT: f32 = 80.0;

/// Most that an edge may rise over its length, as a share of it: a scan lies askew by about a
/// degree at most.
const STEEPEST: f32 = 0.02;

/// Share of a side's length at either end where no edge is looked for: the borders of the two
/// neighboring sides lie there.
const CORNER: f32 = 0.12;

/// Least step in L* from a border to the picture.
const STEP: f32 = 8.0;

/// Least support of an edge that is remembered at all.
const FAINTEST: f32 = 0.4;

/// A deeper edge of the same tone is taken for the one with the best support when its own is less
/// by no more than the first number, the second is the least share of the tone outside, and the third
/// the greatest share of the picture's extent: then a line, notches or text lie within the border.
const DEEPER: (f32, f32, f32) = (0.1, 0.72, 0.1);

/// A straight edge between a border of one tone and the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    /// Rows of the border at the middle of the side.
    pub(super) depth: usize,
    /// Rows more for each column to the right of the middle.
    pub(super) slope: f32,
    /// Share of the columns where the border ends at the edge, give or take a row: its tone
    /// outside, a step, another tone inside; 0..=1.
    pub(super) support: f32,
    /// Share of the pixels outside the edge that are of the border's tone, 0..=1.
    pub(super) uniform: f32,
    /// L* of the border.
    pub(super) tone: f32,
}

/// Rows that an edge may rise or fall by at column `x`.
pub(super) fn rise(slope: f32, x: f32, width: usize) -> f32 {
    ((x - (width as f32 - 1.0) / 2.0) * slope).round()
}

/// The best edge of each tone that is frequent at the outside of a picture. `rows` holds L* row
/// by row, the outermost first, `width` pixels each; a border may take a share of them.
pub(super) fn edges(rows: &[f32], width: usize, deepest: f32) -> Vec<Edge> {
    let height = rows.len() / width;
    let corner = (CORNER * width as f32) as usize;
    let columns = corner..width - corner;
    let deepest = (deepest * height as f32) as usize;
    if deepest == 0 || columns.len() < 8 {
        return Vec::new();
    }
    let found = tones(rows, width, height).into_iter();
    found.filter_map(|tone| best_edge(rows, width, columns.clone(), deepest, tone)).collect()
}

/// The best edge of a border of `tone`.
fn best_edge(
    rows: &[f32],
    width: usize,
    columns: Range<usize>,
    deepest: usize,
    tone: f32,
) -> Option<Edge> {
    let candidates = Marks::new(rows, width, columns, deepest, tone).edges(deepest, tone);
    let best_of = |least_depth: usize, keep: &dyn Fn(&Edge) -> bool| {
        let kept = candidates.iter().filter(|(_, e)| e.depth >= least_depth && keep(e));
        kept.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, edge)| *edge)
    };
    let best = best_of(1, &|_| true)?;
    let height = (rows.len() / width) as f32;
    let deeper = |edge: &Edge| {
        edge.depth > best.depth + 1
            && edge.support >= best.support.max(0.9) - DEEPER.0
            && edge.uniform >= DEEPER.1
            && edge.depth as f32 <= DEEPER.2 * height
    };
    // The deepest one, and among its neighbors the best.
    let depth = candidates.iter().filter(|(_, e)| deeper(e)).map(|(_, edge)| edge.depth).max();
    Some(depth.and_then(|depth| best_of(depth.saturating_sub(2), &deeper)).unwrap_or(best))
}

/// Where a border of one tone may end.
struct Marks {
    width: usize,
    columns: Range<usize>,
    /// Steps of the slope that are tried on either side of 0.
    steps: i32,
    /// Rows that any edge looks at.
    reach: usize,
    /// Pixels of the tone above each pixel.
    outside: Vec<u32>,
    /// Whether the border may end at a pixel.
    ends: Vec<bool>,
}

impl Marks {
    fn new(rows: &[f32], width: usize, columns: Range<usize>, deepest: usize, tone: f32) -> Self {
        let height = rows.len() / width;
        let steps = (STEEPEST * columns.len() as f32).ceil() as i32;
        let reach = (deepest + steps as usize + 2).min(height);
        let of_tone: Vec<bool> =
            rows[..reach * width].iter().map(|&l| is_of_tone(l, tone)).collect();
        let mut outside = vec![0_u32; (reach + 1) * width];
        for i in 0..reach * width {
            outside[i + width] = outside[i] + u32::from(of_tone[i]);
        }
        // Row `y` is the first of another tone. It may be mixed of both sides, so the step is taken
        // to the row behind it.
        let steps_from = |from: f32, to: &[f32; 2]| to.iter().any(|to| (to - from).abs() >= STEP);
        let ends = |y: usize, x: usize| {
            let i = y * width + x;
            y > 0
                && of_tone[i - width]
                && !of_tone[i]
                && !of_tone[i + width]
                && steps_from(rows[i - width], &[rows[i + width], rows[i + 2 * width]])
        };
        let ends = (0..(reach - 2) * width).map(|i| ends(i / width, i % width)).collect();
        Self { width, columns, steps, reach, outside, ends }
    }

    /// Edges of any support, each with its score.
    fn edges(&self, deepest: usize, tone: f32) -> Vec<(f32, Edge)> {
        let Self { width, columns, steps, reach, .. } = self;
        // Whether the border ends at the edge, and whether it does so a row before or behind.
        let at = |y: usize, x: usize| self.ends.get(y * width + x).copied().unwrap_or(false);
        let near = |y: usize, x: usize| at(y, x) || at(y - 1, x) || at(y + 1, x);
        let mut candidates = Vec::new();
        for step in
            (0..=*steps).flat_map(|step| if step == 0 { vec![0] } else { vec![-step, step] })
        {
            let slope = step as f32 / columns.len() as f32;
            let rises: Vec<isize> =
                columns.clone().map(|x| rise(slope, x as f32, *width) as isize).collect();
            for depth in 1..=deepest {
                let row = |rise: isize| depth.saturating_add_signed(rise);
                if rises.iter().any(|&rise| row(rise) == 0 || row(rise) + 1 >= *reach) {
                    continue;
                }
                let along = || columns.clone().zip(&rises).map(|(x, &rise)| (row(rise), x));
                let share = |count: usize| count as f32 / columns.len() as f32;
                let support = share(along().filter(|&(y, x)| near(y, x)).count());
                if support < FAINTEST {
                    continue;
                }
                let (all, toned) = along().fold((0, 0), |(all, toned), (y, x)| {
                    (all + y, toned + self.outside[y * width + x] as usize)
                });
                let uniform = toned as f32 / all as f32;
                let exact = share(along().filter(|&(y, x)| at(y, x)).count());
                // Of equals the straightest.
                let score = support + exact + 0.5 * uniform - 0.001 * step.abs() as f32;
                candidates.push((score, Edge { depth, slope, support, uniform, tone }));
            }
        }
        candidates
    }
}

/// Whether L* is that of a border: film base and paper have grain and vignetting, black and white
/// have no other side.
fn is_of_tone(lightness: f32, tone: f32) -> bool {
    let (below, above) = match tone {
        t if t <= DARK => (t, 9.0),
        t if t >= LIGHT => (5.0, 100.0),
        _ => (4.0, 4.0),
    };
    lightness >= tone - below && lightness <= tone + above
}

/// L* that are frequent in the outermost row, the outer 2 % and the outer 5 %.
fn tones(rows: &[f32], width: usize, height: usize) -> Vec<f32> {
    const BINS: usize = 51; // of 2 L* each
    let mut tones: Vec<f32> = Vec::new();
    for share in [0.0, 0.02, 0.05] {
        let band = &rows[..((share * height as f32).round() as usize).clamp(1, height) * width];
        let mut histogram = [0_usize; BINS];
        for &l in band {
            histogram[((l / 2.0) as usize).min(BINS - 1)] += 1;
        }
        for _ in 0..2 {
            let around = |bin: usize| -> usize {
                histogram[bin.saturating_sub(2)..(bin + 3).min(BINS)].iter().sum()
            };
            let Some(peak) = (0..BINS).max_by_key(|&bin| around(bin)) else { break };
            if around(peak) * 10 < band.len() * 3 {
                break;
            }
            let middle = 2.0 * peak as f32 + 1.0;
            let mut near: Vec<f32> =
                band.iter().copied().filter(|l| (l - middle).abs() <= 5.0).collect();
            near.sort_by(f32::total_cmp);
            let tone = near[near.len() / 2];
            if tones.iter().all(|other| (other - tone).abs() > 2.5) {
                tones.push(tone);
            }
            histogram[peak.saturating_sub(4)..(peak + 5).min(BINS)].fill(0);
        }
    }
    tones
}
