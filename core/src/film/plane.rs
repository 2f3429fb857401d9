//! Numbers of a small picture, row by row, and what motion needs of them.

/// A picture of one number a pixel.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Plane {
    pub(super) fn new((width, height): (usize, usize), values: Vec<f32>) -> Self {
        assert_eq!(values.len(), width * height);
        Self { width, height, values }
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Half as wide and high: means of two by two pixels; an odd last row or column is left out.
    pub(super) fn halved(&self) -> Self {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let at = |x: usize, y: usize| {
            self.values[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
        };
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let upper = at(2 * x, 2 * y) + at(2 * x + 1, 2 * y);
                let lower = at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1);
                values.push(0.25 * (upper + lower));
            }
        }
        Self { width, height, values }
    }

    /// The same in another size, between pixels linearly, beyond the edges the edge.
    pub(super) fn resized(&self, (width, height): (usize, usize)) -> Self {
        let (sx, sy) = (self.width as f32 / width as f32, self.height as f32 / height as f32);
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let at = Between::of(
                    self.size(),
                    (x as f32 + 0.5) * sx - 0.5,
                    (y as f32 + 0.5) * sy - 0.5,
                );
                values.push(at.read(&self.values));
            }
        }
        Self { width, height, values }
    }

    /// Mean over a square of `2 * radius + 1` pixels, where it lies within the picture.
    pub(super) fn mean(&self, radius: usize) -> Self {
        let mut rows = vec![0.0; self.values.len()];
        for (from, to) in
            self.values.chunks_exact(self.width).zip(rows.chunks_exact_mut(self.width))
        {
            slide(self.width, radius, |i| from[i], |i, mean| to[i] = mean);
        }
        // Columns side by side, a row at a time.
        let (width, height) = self.size();
        let mut values = vec![0.0; rows.len()];
        let mut sums = vec![0.0_f64; width];
        let mut count = 0;
        for y in 0..height + radius {
            if y < height {
                count += 1;
                add(&mut sums, &rows[y * width..][..width], 1.0);
            }
            if y > 2 * radius {
                count -= 1;
                add(&mut sums, &rows[(y - 2 * radius - 1) * width..][..width], -1.0);
            }
            if y >= radius {
                let to = &mut values[(y - radius) * width..][..width];
                let share = 1.0 / f64::from(count);
                for (to, sum) in to.iter_mut().zip(&sums) {
                    *to = (sum * share) as f32;
                }
            }
        }
        Self { width, height, values }
    }
}

fn add(sums: &mut [f64], row: &[f32], factor: f64) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += factor * f64::from(*value);
    }
}

/// Means over a window that slides along `count` values.
fn slide(count: usize, radius: usize, get: impl Fn(usize) -> f32, mut put: impl FnMut(usize, f32)) {
    let (mut sum, mut held) = (0.0_f64, 0);
    for i in 0..count + radius {
        if i < count {
            sum += f64::from(get(i));
            held += 1;
        }
        if i > 2 * radius {
            sum -= f64::from(get(i - 2 * radius - 1));
            held -= 1;
        }
        if i >= radius {
            put(i - radius, (sum / f64::from(held)) as f32);
        }
    }
}

/// A place between four pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    at: usize,
    /// To the pixel on the right and to that below, 0 at the last ones.
    right: usize,
    below: usize,
    across: f32,
    down: f32,
}

impl Between {
    /// In a picture of a size; places beyond its edges are taken for the nearest on them.
    #[inline]
    pub(super) fn of((width, height): (usize, usize), x: f32, y: f32) -> Self {
        let x = x.clamp(0.0, (width - 1) as f32);
        let y = y.clamp(0.0, (height - 1) as f32);
        let (column, row) = (x as usize, y as usize);
        Self {
            at: row * width + column,
            right: usize::from(column + 1 < width),
            below: if row + 1 < height { width } else { 0 },
            across: x - column as f32,
            down: y - row as f32,
        }
    }

    #[inline]
    pub(super) fn read(&self, values: &[f32]) -> f32 {
        let row = |at: usize| {
            let (left, right) = (values[at], values[at + self.right]);
            left + self.across * (right - left)
        };
        let (upper, lower) = (row(self.at), row(self.at + self.below));
        upper + self.down * (lower - upper)
    }

    #[inline]
    pub(super) fn read_all<const N: usize>(&self, values: &[[f32; N]]) -> [f32; N] {
        let (a, b) = (values[self.at], values[self.at + self.right]);
        let (c, d) = (values[self.at + self.below], values[self.at + self.below + self.right]);
        std::array::from_fn(|i| {
            let upper = a[i] + self.across * (b[i] - a[i]);
            let lower = c[i] + self.across * (d[i] - c[i]);
            upper + self.down * (lower - upper)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_that_of_the_pixels_within_the_picture() {
        let plane = Plane::new((3, 2), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(plane.mean(1).values, [3.0, 3.5, 4.0, 3.0, 3.5, 4.0]);
        assert_eq!(plane.mean(9).values, [3.5; 6]);
        assert_eq!(plane.mean(0).values, plane.values);
    }

    #[test]
    fn places_between_pixels_are_read_linearly_and_beyond_the_edge_as_the_edge() {
        let values = [0.0, 1.0, 2.0, 3.0];
        assert_eq!(Between::of((2, 2), 0.5, 0.5).read(&values), 1.5);
        assert_eq!(Between::of((2, 2), 9.0, -4.0).read(&values), 1.0);
        assert_eq!(Between::of((2, 2), 0.25, 1.0).read_all(&values.map(|v| [v])), [2.25]);
    }
}
