//! Doubts of the network: over one picture, and of results that were made before there were any.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::extract::{Path, RawQuery, State};
use polychromify_core::{Doubts, Thumbnail};

use super::pictures::original;
use super::refusal::Refusal;
use super::subject::{Id, Subject};
use super::tiles::Asked;
use super::{Answer, Review, waiting};
use crate::cli::Borders;
use crate::job::JobDetails;
use crate::ledger::Seen;
use crate::settings::{OwnSettings, RenderSettings};

/// What doubt is painted in, and how strongly at most.
const COLOR: [u8; 3] = [255, 0, 144];
const STRONGEST: f32 = 200.0;

/// Doubts that are painted not at all, and at most: nearly every place has a little.
const RANGE: [f32; 2] = [0.25, 0.75];

/// Time between two looks for results whose doubt is unknown.
const PAUSE: Duration = Duration::from_secs(10);

/// Time between two looks whether to stop.
const NAP: Duration = Duration::from_millis(200);

pub(super) async fn overlay(
    State(review): State<Arc<Review>>,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer {
    let (id, asked): (Id, Asked) = (id.parse()?, Asked::of(text.as_deref()));
    let _turn = review.turn().await;
    waiting(Arc::clone(&review), move |review| {
        let (doubts, version) = review.doubts(&review.subject(id)?)?;
        let png = png(&doubts).ok_or(Refusal::TooLarge)?;
        Ok(asked.answer("image/png", png, Some(&version)))
    })
    .await
}

fn png(doubts: &Doubts) -> Option<Vec<u8>> {
    let [r, g, b] = COLOR;
    let [least, most] = RANGE;
    let shown = |doubt: &f32| ((doubt - least) / (most - least)).clamp(0.0, 1.0);
    let pixel = |doubt: &f32| [r, g, b, (STRONGEST * shown(doubt)) as u8];
    let pixels: Vec<u8> = doubts.values().iter().flat_map(pixel).collect();
    let (width, height) = doubts.size();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().ok()?.write_image_data(&pixels).ok()?;
    Some(bytes)
}

/// Asks the network of results whose doubt is unknown, one after the other and half of the time, until
/// the program is to stop. A scan that cannot be read is asked of once.
pub(crate) fn work(review: &Review) {
    let (mut last, mut due) = (0, Instant::now());
    while !review.context.stop.is_asked() {
        thread::sleep(NAP);
        if Instant::now() < due {
            continue;
        }
        let started = Instant::now();
        match review.doubt_next(last) {
            Ok(Some(id)) => {
                last = id;
                due = Instant::now() + started.elapsed();
            }
            Ok(None) => due = Instant::now() + PAUSE,
            Err(refusal) => {
                log::debug!("{refusal}");
                due = Instant::now() + PAUSE;
            }
        }
    }
}

impl Review {
    /// Looks at the next result after a number whose doubt is unknown, and gives its number.
    fn doubt_next(&self, after: i64) -> Result<Option<i64>, Refusal> {
        let Some((id, result)) = self.reading.without_doubt(after)? else { return Ok(None) };
        let Some(item) = self.reading.item(id)? else { return Ok(Some(id)) };
        let own = self.own_settings(&item, &result.content)?;
        let subject = Subject::whole(item);
        let output = &subject.item.output;
        match self.see(&subject, &own) {
            Ok(seen) => self.context.ledger.set_seen(output, &result.sha256, seen)?,
            Err(refusal) => log::debug!("{}: no doubt: {refusal}", output.display()),
        }
        Ok(Some(id))
    }

    fn see(&self, subject: &Subject, own: &OwnSettings) -> Result<Seen, Refusal> {
        let settings: RenderSettings = self.settings(subject)?;
        let mut scan = original(subject)?.scan(&self.context.limits_from_now())?;
        scan.set_inverted(settings.invert);
        let info = scan.info().clone();
        let colorizer = &self.context.model.colorizer;
        let mut thumbnail =
            Thumbnail::new(info.width, info.height, info.orientation, colorizer.work_area());
        scan.read_lightness(settings.encoding(info.width).band_rows, &mut |y, lightness| {
            thumbnail.push_rows(y, lightness);
            Ok(())
        })?;
        let mut image = thumbnail.finish();
        let toning = scan.toning(&image);
        if settings.borders == Borders::Keep {
            image = image.without_borders();
        }
        let doubts = colorizer.doubts(&image, &own.hints())?;
        let doubts = doubts.ok_or_else(|| Refusal::Unable("there are no doubts".to_owned()))?;
        let details = JobDetails { doubt: Some(doubts.mean()), toning, ..JobDetails::default() };
        Ok(details.seen())
    }
}
