//! EXIF orientation: how stored rows and columns map to the upright picture.

/// EXIF tag 0x0112, values 1 to 8 (EXIF 2.32, section 4.6.4).
///
/// Pixels keep their stored order in files; only thumbnails and hints are upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// 1: stored upright.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    MirrorHorizontal,
    /// 3: turned by 180 degrees.
    Rotate180,
    /// 4: mirrored top to bottom.
    MirrorVertical,
    /// 5: mirrored along the diagonal from top left.
    Transpose,
    /// 6: to be turned 90 degrees clockwise to be upright.
    Rotate90,
    /// 7: mirrored along the diagonal from top right.
    Transverse,
    /// 8: to be turned 270 degrees clockwise to be upright.
    Rotate270,
}

impl Orientation {
    /// Reads the EXIF value; 0 and values above 8, which no standard gives a meaning, are upright.
    pub fn from_exif(value: u32) -> Self {
        match value {
            2 => Self::MirrorHorizontal,
            3 => Self::Rotate180,
            4 => Self::MirrorVertical,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => Self::Upright,
        }
    }

    /// Whether the upright picture's width is the stored height.
    pub fn swaps_axes(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }

    /// Size of the upright picture for a stored `(width, height)`.
    pub fn upright_size(self, (width, height): (usize, usize)) -> (usize, usize) {
        if self.swaps_axes() { (height, width) } else { (width, height) }
    }

    /// Where the stored pixel `(x, y)` of a stored `(width, height)` lies in the upright picture.
    pub fn to_upright(
        self,
        (x, y): (usize, usize),
        (width, height): (usize, usize),
    ) -> (usize, usize) {
        let (right, bottom) = (width - 1 - x, height - 1 - y);
        match self {
            Self::Upright => (x, y),
            Self::MirrorHorizontal => (right, y),
            Self::Rotate180 => (right, bottom),
            Self::MirrorVertical => (x, bottom),
            Self::Transpose => (y, x),
            Self::Rotate90 => (bottom, x),
            Self::Transverse => (bottom, right),
            Self::Rotate270 => (y, right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_is_a_one_to_one_map() {
        for value in 1..=8 {
            let orientation = Orientation::from_exif(value);
            let (width, height) = orientation.upright_size((3, 2));
            let mut seen = vec![false; width * height];
            for y in 0..2 {
                for x in 0..3 {
                    let (u, v) = orientation.to_upright((x, y), (3, 2));
                    assert!(u < width && v < height, "orientation {value}");
                    seen[v * width + u] = true;
                }
            }
            assert!(seen.iter().all(|&s| s), "orientation {value}");
        }
    }

    #[test]
    fn exif_6_puts_the_stored_top_left_at_the_upright_top_right() {
        assert_eq!(Orientation::from_exif(6).to_upright((0, 0), (3, 2)), (1, 0));
    }

    #[test]
    fn exif_8_puts_the_stored_top_left_at_the_upright_bottom_left() {
        assert_eq!(Orientation::from_exif(8).to_upright((0, 0), (3, 2)), (0, 2));
    }
}
