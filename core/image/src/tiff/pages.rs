//! Which pages of a TIFF hold scans, and which are previews or masks of them.
//!
//! Most programs mark previews (TIFF 6.0, `NewSubfileType`). Those that do not are known by their
//! size alone: wrongly left out, a page would be lost to the result, so much is asked for.

use std::sync::Arc;

use super::directory::Directories;
use crate::error::damaged;
use crate::metadata::tag;
use crate::{Error, Notice, Result};

/// Most of a preview's longest side, in pixels, that is known by its size.
const PREVIEW_SIDE: u32 = 1024;

/// Most directories with others below them that are looked into, and most of those of each.
const MOST_BELOW: usize = 64;

/// Bits of `NewSubfileType`.
const REDUCED: u32 = 1;
const PAGE: u32 = 2;
const MASK: u32 = 4;

/// The pages of a file that hold scans.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    /// Places of their directories, at least one.
    pub(crate) places: Arc<[u64]>,
    /// Whether there are others.
    pub(crate) others: bool,
    /// Those that are left out without a mark.
    notices: Arc<[Notice]>,
}

impl Pages {
    /// Finds them in the file's list; where it has previews alone, in the directories below it.
    pub(crate) fn find(file: &Directories) -> Result<Self> {
        let list = file.list()?;
        let mut places = list.clone();
        let mut facts = Vec::with_capacity(places.len());
        for &at in &places {
            file.budget.check_time()?;
            facts.push(Facts::read(file, at)?);
        }
        if !facts.iter().any(Facts::is_scan) {
            let below = below(file, &list);
            if below.iter().any(|(_, facts)| facts.is_scan()) {
                (places, facts) = below.into_iter().unzip();
            }
        }
        let Chosen { scans, previews, infrared } = choose(&facts);
        let notices = previews.into_iter().map(|page| {
            let Facts { width, height, .. } = facts[page];
            Notice::PreviewLeftOut { number: page + 1, width, height }
        });
        let infrared = infrared.map(|page| Notice::InfraredLeftOut { number: page + 1 });
        let notices = notices.chain(infrared).collect();
        let others = scans.len() < list.len();
        let places: Arc<[u64]> = scans.into_iter().map(|page| places[page]).collect();
        if places.is_empty() {
            return Err(damaged("no picture: the list of pages is empty"));
        }
        Ok(Self { places, others, notices })
    }

    /// An error about a page, with its number if there are several.
    pub(crate) fn numbered(&self, page: usize, error: Error) -> Error {
        match self.places.len() {
            1 => error,
            _ => error.map_reason(|reason| format!("page {}: {reason}", page + 1)),
        }
    }

    /// What is told with a page: with the first, what was left out of the file.
    pub(crate) fn notices(&self, page: usize) -> Vec<Notice> {
        if page == 0 { self.notices.to_vec() } else { Vec::new() }
    }
}

/// Directories that those of the list point to (`SubIFDs`), as far as they can be read.
fn below(file: &Directories, list: &[u64]) -> Vec<(u64, Facts)> {
    let mut found = Vec::new();
    for &at in list.iter().take(MOST_BELOW) {
        let Ok(entries) = file.entries(at) else { continue };
        let Ok(Some(places)) = file.integers(&entries, tag::SUB_IFDS, MOST_BELOW as u64) else {
            continue;
        };
        for at in places {
            if let Ok(facts) = Facts::read(file, at) {
                found.push((at, facts));
            }
        }
    }
    found
}

/// What the directory of a page says of its part in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Size in pixels; 0 where the directory has none.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `NewSubfileType`; 0 where the directory has none.
    pub(crate) subfile: u32,
    /// `PhotometricInterpretation`.
    pub(crate) photometric: u16,
    /// Samples a pixel, and bits of the first.
    pub(crate) samples: u16,
    pub(crate) bits: u16,
    pub(crate) tiled: bool,
}

/// Pages of a file by their numbers, from 0.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chosen {
    /// Those that hold scans, in order, at least one if there are any.
    pub(crate) scans: Vec<usize>,
    /// Those that are left out for their size alone.
    pub(crate) previews: Vec<usize>,
    /// That which is left out as the infrared of the one before it.
    pub(crate) infrared: Option<usize>,
}

/// Which pages hold scans.
pub(crate) fn choose(pages: &[Facts]) -> Chosen {
    let candidates: Vec<usize> = (0..pages.len()).filter(|&i| pages[i].is_scan()).collect();
    if candidates.is_empty() {
        // A preview without its scan is the picture that there is.
        let largest =
            (0..pages.len()).rev().max_by_key(|&i| (!pages[i].is_mask(), pages[i].area()));
        return Chosen { scans: largest.into_iter().collect(), ..Chosen::default() };
    }
    if let [scan, infrared] = candidates[..]
        && pages[infrared].is_infrared_of(&pages[scan], pages)
    {
        return Chosen { scans: vec![scan], infrared: Some(infrared), ..Chosen::default() };
    }
    let pyramid = candidates.len() > 2
        && candidates.windows(2).all(|pair| pages[pair[1]].is_small(&pages[pair[0]], 2));
    // What a program that is not meant to write pyramids calls their levels does not count.
    let tiles = candidates.iter().all(|&page| pages[page].tiled);
    let preview = |place: usize| {
        let page = &pages[candidates[place]];
        let beside = [place.checked_sub(1), Some(place + 1)].into_iter().flatten();
        let mut beside = beside.filter_map(|place| candidates.get(place));
        let small = |&other: &usize| page.is_small(&pages[other], 4);
        pyramid && tiles && place > 0
            || page.subfile & PAGE == 0
                && (pyramid && place > 0
                    || page.width.max(page.height) <= PREVIEW_SIDE && beside.any(small))
    };
    let (previews, scans): (Vec<usize>, Vec<usize>) =
        (0..candidates.len()).partition(|&place| preview(place));
    let numbers = |places: Vec<usize>| places.into_iter().map(|place| candidates[place]).collect();
    Chosen { scans: numbers(scans), previews: numbers(previews), infrared: None }
}

impl Facts {
    fn read(file: &Directories, at: u64) -> Result<Self> {
        let entries = file.entries(at)?;
        let number = |tag| file.integer(&entries, tag).ok().flatten().unwrap_or(0);
        let side = |tag| u32::try_from(number(tag)).unwrap_or(0);
        let subfile =
            number(tag::NEW_SUBFILE_TYPE) as u32 | subfile_of_old(number(tag::SUBFILE_TYPE));
        Ok(Self {
            width: side(tag::IMAGE_WIDTH),
            height: side(tag::IMAGE_LENGTH),
            subfile,
            photometric: number(tag::PHOTOMETRIC_INTERPRETATION) as u16,
            samples: number(tag::SAMPLES_PER_PIXEL).max(1) as u16,
            bits: number(tag::BITS_PER_SAMPLE) as u16,
            tiled: entries.contains(tag::TILE_OFFSETS) || entries.contains(tag::TILE_WIDTH),
        })
    }

    /// Whether nothing says that it is something else.
    fn is_scan(&self) -> bool {
        self.subfile & REDUCED == 0 && !self.is_mask() && self.area() > 0
    }

    fn is_mask(&self) -> bool {
        self.subfile & MASK != 0 || self.photometric == 4
    }

    fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether it is what film scanners' programs write behind a scan: its infrared, in gray. Behind a
    /// gray scan it may be the next page as well, unless all is of 16 bits and has a marked preview.
    fn is_infrared_of(&self, scan: &Self, pages: &[Self]) -> bool {
        let gray = |page: &Self| page.samples == 1 && page.photometric < 2;
        let preview = || pages.iter().any(|page| page.subfile & REDUCED != 0);
        let same_size = (self.width, self.height) == (scan.width, scan.height);
        let sixteen = self.bits == 16 && scan.bits == 16;
        let in_color = scan.photometric == 2 && scan.samples >= 3;
        let unmarked = (self.subfile | scan.subfile) & PAGE == 0;
        same_size && unmarked && gray(self) && (in_color || gray(scan) && sixteen && preview())
    }

    /// Whether it has the shape of another, as near as whole pixels allow, and at most the
    /// `parts`-th part of its sides, rounded up.
    fn is_small(&self, other: &Self, parts: u32) -> bool {
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let (other_width, other_height) = (u64::from(other.width), u64::from(other.height));
        let shape = (width * other_height).abs_diff(height * other_width);
        shape <= other_width.max(other_height)
            && self.width <= other.width.div_ceil(parts)
            && self.height <= other.height.div_ceil(parts)
    }
}

/// `NewSubfileType` by the tag that it replaced.
fn subfile_of_old(value: u64) -> u32 {
    match value {
        2 => REDUCED,
        3 => PAGE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: u32, height: u32, subfile: u32) -> Facts {
        Facts { width, height, subfile, photometric: 1, samples: 1, bits: 8, tiled: false }
    }

    fn scans(pages: &[Facts]) -> Vec<usize> {
        choose(pages).scans
    }

    fn scans_and_previews(pages: &[Facts]) -> (Vec<usize>, Vec<usize>) {
        let Chosen { scans, previews, .. } = choose(pages);
        (scans, previews)
    }

    #[test]
    fn gray_of_the_size_of_a_scan_in_color_is_its_infrared() {
        let color = Facts { photometric: 2, samples: 3, ..page(400, 300, 0) };
        let chosen = |pages: &[Facts]| (choose(pages).scans, choose(pages).infrared);
        assert_eq!(chosen(&[color, page(400, 300, 0)]), (vec![0], Some(1)));
        assert_eq!(chosen(&[color, page(50, 38, 1), page(400, 300, 0)]), (vec![0], Some(2)));
        assert_eq!(chosen(&[color, page(300, 400, 0)]), (vec![0, 1], None));
        assert_eq!(chosen(&[page(400, 300, 0); 2]), (vec![0, 1], None));
        let gray = Facts { bits: 16, ..page(400, 300, 0) };
        assert_eq!(chosen(&[gray, gray]), (vec![0, 1], None));
        assert_eq!(chosen(&[gray, page(50, 38, 1), gray]), (vec![0], Some(2)));
    }

    #[test]
    fn pages_of_a_document_are_all_scans() {
        assert_eq!(scans(&[page(2480, 3508, 0); 5]), [0, 1, 2, 3, 4]);
        assert_eq!(scans(&[page(2480, 3508, 2), page(500, 707, 2)]), [0, 1]);
        assert_eq!(
            scans(&[page(2480, 3508, 0), page(3508, 2480, 0), page(600, 400, 0)]),
            [0, 1, 2]
        );
        assert_eq!(scans(&[page(4000, 3000, 0), page(2000, 1500, 0)]), [0, 1]);
    }

    #[test]
    fn marked_previews_and_masks_are_none() {
        let mask = Facts { photometric: 4, ..page(4000, 3000, 0) };
        let pages = [page(400, 300, 1), page(4000, 3000, 0), page(2000, 1500, 1), mask];
        assert_eq!(scans(&pages), [1]);
        assert_eq!(scans(&[page(4000, 3000, 0), page(4000, 3000, 4), page(4000, 3000, 5)]), [0]);
        assert_eq!([2, 3, 1].map(subfile_of_old), [REDUCED, PAGE, 0]);
    }

    #[test]
    fn a_much_smaller_page_of_the_same_shape_beside_a_scan_is_its_preview() {
        let pages = [page(4001, 3001, 0), page(200, 150, 0)];
        assert_eq!(scans_and_previews(&pages), (vec![0], vec![1]));
        assert_eq!(scans_and_previews(&[pages[1], pages[0]]), (vec![1], vec![0]));
        let pairs =
            [page(4000, 3000, 0), page(200, 150, 0), page(3000, 4000, 0), page(150, 200, 0)];
        assert_eq!(scans_and_previews(&pairs), (vec![0, 2], vec![1, 3]));
        assert_eq!(scans(&[page(4000, 3000, 0), page(150, 150, 0)]), [0, 1]);
    }

    #[test]
    fn of_a_pyramid_the_first_is_the_scan() {
        let pages = [0, 1, 2, 3].map(|level| page(10_001 >> level, 7_777 >> level, 0));
        assert_eq!(scans(&pages), [0]);
        // ImageMagick calls each level a page.
        let levels = pages.map(|page| Facts { subfile: PAGE, tiled: true, ..page });
        assert_eq!(scans(&levels), [0]);
    }

    #[test]
    fn a_preview_alone_is_the_picture() {
        assert_eq!(scans(&[page(200, 150, 1)]), [0]);
        assert_eq!(scans(&[page(200, 150, 1), page(400, 300, 1), page(800, 600, 4)]), [1]);
        assert_eq!(scans(&[page(0, 0, 0)]), [0]);
        assert_eq!(scans(&[page(160, 120, 0), page(0, 0, 0)]), [0]);
    }
}
