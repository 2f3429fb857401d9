//! A picture as other settings would make it, painted live from its scan: nothing is written.
//!
//! What the network sees of a scan is held with the open picture, and a prediction for as long as it
//! is looked at: another saturation is painted without asking the network again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use polychromify_core::{ChromaMap, Doubts, Painter, SamplesMut, WorkImage, lightness_from_srgb8};

use super::mend::Tried;
use super::pictures::{Kept, Key, Picture, original, version_of_scan};
use super::pyramid::{Part, Pixels};
use super::query;
use super::refusal::Refusal;
use super::subject::{Id, Subject};
use super::{Answer, Review, waiting};
use crate::cli::Borders;
use crate::files::fingerprint;
use crate::files::originals::OpenOriginal;
use crate::ledger;
use crate::settings::{OwnSettings, RenderSettings};

/// Looks, and predictions, that are kept.
const KEPT: u64 = 16;

/// Longest side of a look in pixels, if it is not told, and at most.
const SIDE: usize = 1600;
const LONGEST_SIDE: usize = 4096;

/// Quality of looks, which are gone in a moment.
const QUALITY: u8 = 85;

/// What names a look in answers.
const LOOK: HeaderName = HeaderName::from_static("x-polychromify-look");

/// Looks and predictions of before.
pub(crate) struct Looks {
    /// Number of the next one. The first is of the time, so that none was ever another look's, whose tiles
    /// browsers may still have from an earlier run.
    next: AtomicU64,
    shown: Kept<String, Look>,
    predictions: Kept<Asked, Painter>,
}

/// What a prediction depends on.
#[derive(Clone, PartialEq)]
struct Asked {
    of: Key,
    variant: u8,
    borders: Borders,
    own: OwnSettings,
}

/// What tiles of a look are painted by.
struct Look {
    id: Id,
    painter: Painter,
}

impl Looks {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicU64::new(ledger::now().unsigned_abs()),
            shown: Kept::new(KEPT, |_| 1),
            predictions: Kept::new(KEPT, |_| 1),
        }
    }
}

pub(super) async fn look(
    State(review): State<Arc<Review>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let (id, tried): (Id, Tried) = (id.parse()?, query::json(&headers, body).await?);
    let _turn = review.turn().await;
    waiting(Arc::clone(&review), move |review| {
        let started = Instant::now();
        let (picture, painter) = review.painter(&review.subject(id)?, &tried)?;
        let predicted = started.elapsed();
        let side = tried.side.unwrap_or(SIDE).clamp(1, LONGEST_SIDE);
        let level = picture.pyramid.of_side(side);
        let whole = Part { x: 0, y: 0, width: level.width, height: level.height };
        let painted = paint(&picture, level, &painter, whole);
        let at_painted = started.elapsed();
        let bytes = painted.jpeg(QUALITY).ok_or(Refusal::TooLarge)?;
        log::debug!(
            "look at {} x {} pixels: predicted after {predicted:?}, painted after {at_painted:?}, \
             encoded after {:?}",
            level.width,
            level.height,
            started.elapsed()
        );
        let token = format!("look-{}", review.looks.next.fetch_add(1, Ordering::Relaxed));
        review.looks.shown.get(&token, || Ok(Look { id, painter }))?;
        let token = HeaderValue::from_str(&token).expect("letters and digits");
        Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")), (LOOK, token)], bytes)
            .into_response())
    })
    .await
}

impl Review {
    /// A tile of a look of before.
    pub(super) fn look_tile(
        &self,
        subject: &Subject,
        token: &str,
        level: usize,
        (column, row): (usize, usize),
    ) -> Result<Option<Pixels>, Refusal> {
        let look = self.looks.shown.find(&token.to_owned()).filter(|look| look.id == subject.id);
        let look = look.ok_or(Refusal::NotThere)?;
        let picture = self.before(subject, &original(subject)?)?;
        let Some(level) = picture.pyramid.level(level) else { return Ok(None) };
        Ok(level.part(column, row).map(|part| paint(&picture, level, &look.painter, part)))
    }

    /// What paints a picture with these settings.
    fn painter(
        &self,
        subject: &Subject,
        tried: &Tried,
    ) -> Result<(Arc<Picture>, Painter), Refusal> {
        let original = original(subject)?;
        let settings = self.settings(subject)?;
        let picture = self.before(subject, &original)?;
        let image = picture.image.as_ref().ok_or(Refusal::NotThere)?;
        let size = image.scan_size();
        let own = tried.over(self.own_of(subject)?, self.named(tried)?, (size, subject.page))?;
        let settings = settings.with(&own);
        let asked = Asked {
            of: Key::of_scan(subject, &original, settings.invert)?,
            variant: settings.variant,
            borders: settings.borders,
            own: OwnSettings { saturation: None, ..own.clone() },
        };
        let predicted = self.looks.predictions.get(&asked, || {
            let image = framed(image, &settings);
            let chroma = self.predict(&image, &settings, &own)?;
            let (width, height) = picture.pyramid.size();
            Ok(chroma.painter(width as u32, height as u32, 1.0))
        })?;
        let (width, height) = picture.pyramid.size();
        let painter = predicted.for_size(width as u32, height as u32);
        Ok((Arc::clone(&picture), painter.saturated(settings.saturation)))
    }

    /// How unsure the network is of a result's colors, and the version of that.
    pub(super) fn doubts(&self, subject: &Subject) -> Result<(Doubts, String), Refusal> {
        let original = original(subject)?;
        let (settings, own) = (self.settings(subject)?, self.own_of(subject)?);
        let version = self.version_of_doubts(subject, &original, (&settings, &own))?;
        let picture = self.before(subject, &original)?;
        let image = picture.image.as_ref().ok_or(Refusal::NotThere)?;
        let colorizer = &self.context.model.colorizer;
        let doubts = colorizer.doubts(&framed(image, &settings), &own.hints())?;
        let doubts = doubts
            .ok_or_else(|| Refusal::Unable("these weights do not tell of doubts".to_owned()))?;
        Ok((doubts, version))
    }

    /// The address of the doubts of a picture, which changes with all that they depend on.
    pub(super) fn doubts_address(&self, subject: &Subject) -> Result<String, Refusal> {
        let of = (&self.settings(subject)?, &self.own_of(subject)?);
        let version = self.version_of_doubts(subject, &original(subject)?, of)?;
        Ok(format!("/api/doubt/{}?v={version}", subject.id))
    }

    fn version_of_doubts(
        &self,
        subject: &Subject,
        original: &OpenOriginal,
        (settings, own): (&RenderSettings, &OwnSettings),
    ) -> Result<String, Refusal> {
        let scan = version_of_scan(subject, original)?;
        let recipe = settings.recipe(&self.context.model.recipe.weights);
        let own = serde_json::to_string(own).expect("finite numbers only");
        let all = format!("{scan} {} {} {own}", recipe.weights, recipe.settings);
        Ok(fingerprint::sha256_of(all.as_bytes())[..16].to_owned())
    }

    fn predict(
        &self,
        image: &WorkImage,
        settings: &RenderSettings,
        own: &OwnSettings,
    ) -> Result<ChromaMap, Refusal> {
        let (colorizer, hints) = (&self.context.model.colorizer, own.hints());
        let reference = own.reference.as_ref().map(|sha256| self.learned(sha256)).transpose()?;
        let reference = reference.as_deref();
        if settings.variant > 1 {
            let which = usize::from(settings.variant - 1);
            if let Some(other) = colorizer.predict_other(image, &hints, reference, which)? {
                return Ok(other);
            }
        }
        Ok(colorizer.predict_like(image, &hints, reference)?)
    }
}

/// What the network sees, with scan borders or without.
fn framed(image: &WorkImage, settings: &RenderSettings) -> WorkImage {
    match settings.borders {
        Borders::Auto => image.clone(),
        Borders::Keep => image.clone().without_borders(),
    }
}

/// Paints a part of a level of a scan.
fn paint(picture: &Picture, level: &Pixels, painter: &Painter, part: Part) -> Pixels {
    let Part { x, y, width, height } = part;
    let painter = painter.for_size(level.width as u32, level.height as u32).columns(x..x + width);
    let scan = level.cut(part);
    let lightness = lightness(&scan, picture.inverted);
    let mut samples = vec![0; 3 * lightness.len()];
    painter.paint_rows(y as u32, &lightness, SamplesMut::Eight(&mut samples));
    Pixels { width, height, channels: 3, samples }
}

/// CIE L* of pixels of sRGB.
fn lightness(pixels: &Pixels, inverted: bool) -> Vec<f32> {
    let mut lightness: Vec<f32>;
    if pixels.channels == 1 {
        let grays: Vec<u8> = (0..=u8::MAX).flat_map(|gray| [gray; 3]).collect();
        let mut table = [0.0; 256];
        lightness_from_srgb8(&grays, &mut table);
        lightness = pixels.samples.iter().map(|&gray| table[usize::from(gray)]).collect();
    } else {
        lightness = vec![0.0; pixels.width * pixels.height];
        lightness_from_srgb8(&pixels.samples, &mut lightness);
    }
    if inverted {
        for l in &mut lightness {
            *l = 100.0 - *l;
        }
    }
    lightness
}
