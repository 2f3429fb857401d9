//! Where shots begin, and how the frames of a shot follow each other.

use super::extent::Extent;
use super::flow::Pyramid;
use super::link::{Link, likeness};
use super::plane::Plane;
use crate::WorkImage;

/// Share of a frame's pixels that are found in the frame before it, below which a cut lies between
/// them. Of 13 clips in color and 10 historical ones the cuts have 0.22 at most, blended frames among
/// them, and other frames 0.28 at least: those of a rocket's launch; all else 0.45.
const CUT: f32 = 0.25;
/// Likeness without motion of a frame to the one before it, above which it is the same picture under
/// another light, if the frame after it is that picture again.
const FLASH: f32 = 0.3;

/// What a frame is to the others of its shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Ordinary,
    /// The same picture under another light for this one frame: it takes the others' colors.
    Flash,
    /// Another picture for this one frame: it has its own colors.
    Stranger,
}

/// Where a frame stands.
pub(super) enum Place {
    /// It is the first one of a shot.
    First,
    /// It follows the frame before it; the link has the size at which motion is sought.
    After { link: Link, role: Role },
}

/// A frame whose place is known.
pub(super) struct Placed {
    /// With the borders of its shot, as far as that is known.
    pub(super) image: WorkImage,
    pub(super) place: Place,
}

/// Sorts frames into shots, in order.
#[derive(Default)]
pub(super) struct Shots {
    last: Option<Last>,
    /// A frame unlike the last one: the next one tells whether it begins a shot.
    doubtful: Option<WorkImage>,
}

/// The last ordinary frame of the shot.
struct Last {
    image: WorkImage,
    pyramid: Pyramid,
    extent: Extent,
}

impl Shots {
    /// Takes the next frame; gives those whose place is known by it.
    pub(super) fn push(&mut self, image: WorkImage) -> Vec<Placed> {
        let Some(last) = &self.last else { return vec![self.begin(image)] };
        let extent = last.extent.with(&image);
        let image = image.with_borders(extent.borders().cloned());
        let pyramid = Pyramid::of(&image);
        let link = if extent.borders() == last.extent.borders() {
            Link::between(&last.pyramid, &pyramid)
        } else {
            let same = last.image.clone().with_borders(extent.borders().cloned());
            Link::between(&Pyramid::of(&same), &pyramid)
        };
        if link.found < CUT {
            return self.doubt(image.without_borders());
        }
        let between = self.doubtful.take().map(|doubtful| {
            let doubtful = doubtful.with_borders(extent.borders().cloned());
            let seen = Pyramid::of(&doubtful);
            let is_flash = likeness(last.pyramid.structure(), seen.structure()) > FLASH;
            let role = if is_flash { Role::Flash } else { Role::Stranger };
            let link = Link::still(seen.structure().size());
            Placed { image: doubtful, place: Place::After { link, role } }
        });
        self.last = Some(Last { image: image.clone(), pyramid, extent });
        let place = Place::After { link, role: Role::Ordinary };
        between.into_iter().chain([Placed { image, place }]).collect()
    }

    /// Takes a frame that is unlike the last one.
    fn doubt(&mut self, image: WorkImage) -> Vec<Placed> {
        let Some(first) = self.doubtful.take() else {
            self.doubtful = Some(image);
            return Vec::new();
        };
        let mut placed = vec![self.begin(first)];
        placed.extend(self.push(image));
        placed
    }

    /// Gives the last frame, if its place was not known. The film is over.
    pub(super) fn finish(&mut self) -> Option<Placed> {
        let image = self.doubtful.take()?;
        Some(self.begin(image))
    }

    fn begin(&mut self, image: WorkImage) -> Placed {
        let extent = Extent::new(&image);
        let image = image.with_borders(extent.borders().cloned());
        let pyramid = Pyramid::of(&image);
        self.last = Some(Last { image: image.clone(), pyramid, extent });
        Placed { image, place: Place::First }
    }
}

/// Whether two pictures show the same, whatever their light: both of the same size.
pub(super) fn are_alike(one: Plane, other: Plane) -> bool {
    let (one, other) = (Pyramid::new(one), Pyramid::new(other));
    likeness(one.structure(), other.structure()) > FLASH
}
