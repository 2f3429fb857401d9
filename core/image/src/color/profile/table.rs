//! Profiles with tables: from a device's samples to XYZ, evaluated here.
//!
//! ICC.1:2022, 10.10 (lut16Type), 10.11 (lut8Type), 10.12 (lutAToBType). moxcms reads them; its
//! transforms ask for the table of the very intent, which scanners' profiles do not have, quantize
//! linear light and scale the Lab of 16-bit tables twice.

use moxcms::{
    ColorProfile, DataColorSpace, LutDataType, LutMultidimensionalType, LutStore, LutType,
    LutWarehouse, Matrix3d,
};

use super::curve::{between, evaluator, table};
use super::white::D50;

/// Intervals of a curve's table.
const STEPS: usize = 4097;

/// From red, green and blue to the connection space.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// Curves before the grid, one an input.
    before: Vec<Vec<f32>>,
    grid: Option<Grid>,
    /// Curves and the matrix after the grid.
    middle: Option<([Vec<f32>; 3], Matrix3d, [f64; 3])>,
    after: [Vec<f32>; 3],
    connection: Connection,
}

/// How numbers of 0..=1 mean a color.
#[derive(Clone, Copy, Debug)]
enum Connection {
    Xyz,
    /// Factors to L* and to a* and b* with 128 added.
    Lab(f32, f32),
}

/// Colors on a grid, the first input's axis the slowest.
#[derive(Clone, Debug)]
struct Grid {
    sides: Vec<usize>,
    colors: Vec<[f32; 3]>,
}

impl Tables {
    /// Those of a profile for `inputs` channels: for relative colorimetry, or whatever else it has.
    pub(crate) fn of(profile: &ColorProfile, inputs: usize) -> Result<Self, String> {
        let found = profile.lut_a_to_b_colorimetric.as_ref();
        let found = found.or(profile.lut_a_to_b_perceptual.as_ref());
        let tables = match found.or(profile.lut_a_to_b_saturation.as_ref()) {
            None => return Err("no table to its connection space".into()),
            Some(LutWarehouse::Lut(lut)) => Self::of_lut(lut, profile.pcs)?,
            Some(LutWarehouse::Multidimensional(lut)) => Self::of_curves(lut, profile.pcs)?,
        };
        // Without a grid what goes in is what comes out: three.
        let grid = tables.grid.as_ref().map_or(3, |grid| grid.sides.len());
        if tables.before.len() != inputs || grid != inputs {
            return Err(format!("a table for {} inputs", tables.before.len()));
        }
        Ok(tables)
    }

    /// lut8Type and lut16Type.
    fn of_lut(lut: &LutDataType, pcs: DataColorSpace) -> Result<Self, String> {
        let curves = |store: &LutStore, entries: usize, count: usize| {
            let values = values(store);
            if entries < 2 || values.len() != entries * count {
                return Err("a table that is cut short".to_owned());
            }
            Ok(values.chunks_exact(entries).map(<[f32]>::to_vec).collect::<Vec<_>>())
        };
        let (inputs, outputs) = (lut.num_input_channels.into(), lut.num_output_channels.into());
        let before = curves(&lut.input_table, lut.num_input_table_entries.into(), inputs)?;
        let after = curves(&lut.output_table, lut.num_output_table_entries.into(), outputs)?;
        let wide = lut.lut_type == LutType::Lut16;
        Ok(Self {
            before,
            grid: Some(Grid::new(vec![lut.num_clut_grid_points.into(); inputs], &lut.clut_table)?),
            middle: None,
            after: three(after)?,
            connection: match (pcs, wide) {
                // 0xFF00 is L* 100 and a* 127 (10.10).
                (DataColorSpace::Lab, true) => {
                    Connection::Lab(6553500.0 / 65280.0, 65535.0 / 256.0)
                }
                (DataColorSpace::Lab, false) => Connection::Lab(100.0, 255.0),
                _ => Connection::Xyz,
            },
        })
    }

    /// lutAToBType.
    fn of_curves(lut: &LutMultidimensionalType, pcs: DataColorSpace) -> Result<Self, String> {
        let inputs = usize::from(lut.num_input_channels);
        let curves = |curves: &[moxcms::ToneReprCurve]| {
            let sampled = |curve: &moxcms::ToneReprCurve| {
                let curve = evaluator(curve)?;
                Ok(table(STEPS, |v| curve(v) as f32))
            };
            curves.iter().map(sampled).collect::<Result<Vec<_>, String>>()
        };
        let straight = || vec![0.0, 1.0];
        let sides = lut.grid_points.iter().take(inputs).map(|&side| side.into()).collect();
        let grid = lut.clut.as_ref().map(|clut| Grid::new(sides, clut)).transpose()?;
        let before = match &grid {
            Some(_) if !lut.a_curves.is_empty() => curves(&lut.a_curves)?,
            _ => vec![straight(); inputs],
        };
        let middle = if lut.m_curves.is_empty() {
            // They belong together (10.12.1), but programs take the matrix where it stands alone.
            ([0; 3].map(|_| straight()), lut.matrix, lut.bias.v)
        } else {
            (three(curves(&lut.m_curves)?)?, lut.matrix, lut.bias.v)
        };
        let connection = match pcs {
            DataColorSpace::Lab => Connection::Lab(100.0, 255.0),
            _ => Connection::Xyz,
        };
        let (middle, after) = (Some(middle), three(curves(&lut.b_curves)?)?);
        Ok(Self { before, grid, middle, after, connection })
    }

    /// XYZ under D50, 0..=1, of a device's samples, 0..=1, as many as the tables have inputs.
    pub(crate) fn xyz(&self, samples: &[f32]) -> [f32; 3] {
        let mut inputs = [0.0_f32; 16];
        let inputs = &mut inputs[..self.before.len()];
        for ((input, curve), &sample) in inputs.iter_mut().zip(&self.before).zip(samples) {
            *input = between(curve, within(sample));
        }
        let mut color = match &self.grid {
            Some(grid) => grid.at(inputs),
            None => [inputs[0], inputs[1], inputs[2]],
        };
        if let Some((curves, matrix, bias)) = &self.middle {
            let v = [0, 1, 2].map(|i| f64::from(between(&curves[i], within(color[i]))));
            let row = |i: usize| (0..3).map(|j| matrix.v[i][j] * v[j]).sum::<f64>() + bias[i];
            color = [0, 1, 2].map(|i| row(i) as f32);
        }
        let [x, y, z] = [0, 1, 2].map(|i| between(&self.after[i], within(color[i])));
        match self.connection {
            // u1Fixed15Number (7.2.16).
            Connection::Xyz => [x, y, z].map(|v| v * (65535.0 / 32768.0)),
            Connection::Lab(lightness, chroma) => {
                lab_to_xyz([x * lightness, y * chroma - 128.0, z * chroma - 128.0])
            }
        }
    }
}

impl Grid {
    fn new(sides: Vec<usize>, store: &LutStore) -> Result<Self, String> {
        let colors: Vec<[f32; 3]> =
            values(store).chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect();
        let count = sides.iter().try_fold(1_usize, |count, &side| count.checked_mul(side));
        if sides.iter().any(|&side| side < 2) || count != Some(colors.len()) {
            return Err("a table that is cut short".into());
        }
        Ok(Self { sides, colors })
    }

    /// Between the corners of a cell: of its last three inputs within a tetrahedron, which keeps a
    /// neutral diagonal neutral, and straight along those before; so do other programs (Little CMS,
    /// `cmsintrp.c`), whose lightness is to be ours.
    fn at(&self, inputs: &[f32]) -> [f32; 3] {
        let (mut first, mut stride) = (0, 1);
        let mut ways = [(0.0_f32, 0); 16];
        for i in (0..inputs.len()).rev() {
            let at = within(inputs[i]) * (self.sides[i] - 1) as f32;
            let below = (at as usize).min(self.sides[i] - 2);
            first += below * stride;
            ways[i] = (at - below as f32, stride);
            stride *= self.sides[i];
        }
        let (straight, last) = ways[..inputs.len()].split_at_mut(inputs.len().saturating_sub(3));
        last.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut color = [0.0; 3];
        for corner in 0..1_usize << straight.len() {
            let (mut place, mut weight) = (first, 1.0);
            for (i, &(fraction, stride)) in straight.iter().enumerate() {
                let is_far = corner >> i & 1 == 1;
                place += if is_far { stride } else { 0 };
                weight *= if is_far { fraction } else { 1.0 - fraction };
            }
            // From the nearest corner to the farthest, along the longest way first.
            let mut before = 1.0;
            for &(fraction, stride) in last.iter().chain(&[(0.0, 0)]) {
                for (sum, v) in color.iter_mut().zip(self.colors[place]) {
                    *sum += weight * (before - fraction) * v;
                }
                before = fraction;
                place += stride;
            }
        }
        color
    }
}

/// 0..=1; what is no number is 0.
fn within(v: f32) -> f32 {
    if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) }
}

/// CIE 15:2004, 8.2.1, under D50.
pub(crate) fn lab_to_xyz([l, a, b]: [f32; 3]) -> [f32; 3] {
    let inverse = |t: f32| {
        if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * 3.0 * (6.0_f32 / 29.0).powi(2) }
    };
    let y = (l + 16.0) / 116.0;
    let relative = [y + a / 500.0, y, y - b / 200.0];
    [0, 1, 2].map(|i| D50[i] as f32 * inverse(relative[i]))
}

/// The numbers of a table, 0..=1.
fn values(store: &LutStore) -> Vec<f32> {
    match store {
        LutStore::Store8(values) => values.iter().map(|&v| f32::from(v) / 255.0).collect(),
        LutStore::Store16(values) => values.iter().map(|&v| f32::from(v) / 65535.0).collect(),
    }
}

fn three(curves: Vec<Vec<f32>>) -> Result<[Vec<f32>; 3], String> {
    let count = curves.len();
    curves.try_into().map_err(|_| format!("{count} outputs in place of 3"))
}
