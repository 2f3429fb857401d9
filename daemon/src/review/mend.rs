//! Settings that a person tries on one picture, and has it made with.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use polychromify_core::{Deadline, Hint, SATURATION};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::pictures::original;
use super::query;
use super::reference::Named;
use super::refusal::Refusal;
use super::subject::{Id, Subject};
use super::{Answer, Review, as_json, waiting};
use crate::cli::Borders;
use crate::film::FilmContext;
use crate::ledger::{Asking, OfInput, Original, Shot};
use crate::settings::{OwnSettings, TimedHint};

/// Most hints on one picture.
const MOST_HINTS: usize = 1000;

/// Most results that are asked for at once.
const MOST: usize = 20_000;

/// Settings as the page tells them; what is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tried {
    saturation: Option<f32>,
    variant: Option<u8>,
    borders: Option<Borders>,
    hints: Option<Vec<TriedHint>>,
    /// Left out, there is none.
    pub(super) reference: Option<Named>,
    /// Longest side of the picture that is asked for, in pixels.
    pub(super) side: Option<usize>,
}

/// A hint in shares of the upright picture: of its width and height, the radius of its longest side.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TriedHint {
    x: f32,
    y: f32,
    radius: f32,
    #[serde(deserialize_with = "color")]
    color: [u8; 3],
}

/// `#rrggbb`.
fn color<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 3], D::Error> {
    let text = String::deserialize(from)?;
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
    let read = |at: usize| u8::from_str_radix(digits?.get(at..at + 2)?, 16).ok();
    match (read(0), read(2), read(4)) {
        (Some(r), Some(g), Some(b)) => Ok([r, g, b]),
        _ => Err(serde::de::Error::custom("a color is written as #rrggbb")),
    }
}

impl Tried {
    /// On top of what was set before, for a page of this upright size and number, from 0 on.
    ///
    /// # Errors
    ///
    /// When a number is out of its range.
    pub(super) fn over(
        &self,
        before: OwnSettings,
        reference: Option<String>,
        ((width, height), page): ((usize, usize), usize),
    ) -> Result<OwnSettings, Refusal> {
        let wrong = |what: &str| Err(Refusal::Malformed(what.to_owned()));
        if self.saturation.is_some_and(|saturation| !SATURATION.contains(&saturation)) {
            return wrong("`saturation` is a number from 0 to 4");
        }
        if self.variant.is_some_and(|variant| !(1..=3).contains(&variant)) {
            return wrong("`variant` is 1, 2 or 3");
        }
        let is_share = |value: f32| (0.0..=1.0).contains(&value);
        let hints = self.hints.iter().flatten();
        if hints.clone().any(|hint| ![hint.x, hint.y, hint.radius].into_iter().all(is_share)) {
            return wrong("`x`, `y` and `radius` of hints are numbers from 0 to 1");
        }
        if hints.count() > MOST_HINTS {
            return wrong("more than 1000 hints");
        }
        let (width, height) = (width as f32, height as f32);
        let hint = |hint: &TriedHint| Hint {
            x: hint.x * width,
            y: hint.y * height,
            radius: hint.radius * width.max(height),
            rgb: hint.color,
            page: page + 1,
        };
        let hints = self.hints.as_ref().map(|hints| hints.iter().map(hint).collect());
        Ok(OwnSettings {
            saturation: self.saturation.or(before.saturation),
            variant: self.variant.or(before.variant),
            borders: self.borders.or(before.borders),
            hints: hints.or(before.hints),
            reference,
            film_hints: before.film_hints,
        })
    }

    /// Whether it sets hints and nothing else.
    fn is_hints_alone(&self) -> bool {
        let Self { saturation, variant, borders, hints, reference, side: _ } = self;
        let others = saturation.is_some() || variant.is_some() || borders.is_some();
        hints.is_some() && !others && reference.is_none()
    }
}

#[derive(Deserialize)]
struct Making {
    items: Vec<Made>,
    settings: Option<Tried>,
    /// Whether the settings are kept for a time when it is made, and nothing is made now.
    #[serde(default)]
    later: bool,
}

#[derive(Deserialize)]
struct Made {
    id: Id,
}

pub(super) async fn make(
    State(review): State<Arc<Review>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let Making { items, settings, later } = query::json(&headers, body).await?;
    if items.len() > MOST {
        return Err(Refusal::TooLarge);
    }
    if items.len() > 1 && settings.as_ref().is_some_and(|tried| tried.hints.is_some()) {
        return Err(Refusal::Malformed("hints are of one picture".to_owned()));
    }
    waiting(review, move |review| {
        let (mut queued, mut refused) = (0, Vec::new());
        for Made { id } in items {
            match review.ask(id, settings.as_ref(), later) {
                Ok(()) => queued += 1,
                Err(refusal) => {
                    refused.push(json!({"id": id.told(), "reason": refusal.to_string()}));
                }
            }
        }
        review.maker.wake();
        Ok(as_json(&json!({"queued": queued, "refused": refused})))
    })
    .await
}

impl Review {
    /// Why a job's result cannot be made again from here; `None`: it can.
    pub(super) fn why_not(&self, subject: &Subject) -> Result<Option<&'static str>, Refusal> {
        let result = self.reading.result_of(&subject.item)?;
        let is_known = match &result {
            Some(result) if subject.item.is_film => {
                let own = self.reading.own_settings(&subject.item.output)?;
                let below = own.and(self.reading.settings_of(subject.item.id)?);
                let below = below.as_ref().unwrap_or(&result.recipe.settings);
                FilmContext::recorded(below, &[]).is_some()
            }
            None if subject.item.is_film => false,
            _ => self.settings(subject).is_ok(),
        };
        if !is_known {
            return Ok(Some("only the command that made it makes it again"));
        }
        Ok(match result.map(|result| result.original) {
            Some(Original::Gone | Original::Leaving) => Some("its original was moved or deleted"),
            _ => None,
        })
    }

    /// Puts a job into the queue, with these settings of its own on top of those that it has, or from
    /// here on with none; `later`: they are kept and nothing else.
    fn ask(&self, id: Id, tried: Option<&Tried>, later: bool) -> Result<(), Refusal> {
        let subject = self.subject(id)?;
        if let Some(reason) = self.why_not(&subject)? {
            return Err(Refusal::Unable(reason.to_owned()));
        }
        let own = tried.map(|tried| self.set(&subject, tried)).transpose()?;
        let asked = if later {
            self.context.ledger.set_own(id.job, own.as_ref(), &self.user)?
        } else {
            self.context.ledger.ask(id.job, own.as_ref(), &self.user)?
        };
        match asked {
            Asking::Queued => Ok(()),
            Asking::InWork => Err(Refusal::Unable("it is in work right now".to_owned())),
            Asking::Unknown => Err(Refusal::NotThere),
        }
    }

    /// What an input has of its own with these settings on top.
    fn set(&self, subject: &Subject, tried: &Tried) -> Result<OfInput, Refusal> {
        let original = original(subject)?;
        let known = self.reading.result_of(&subject.item)?;
        let stamp = original.stamp()?;
        let content = match known.filter(|known| known.source == Some(stamp)) {
            Some(known) => known.content,
            None => original.sha256(&self.context.stop, Deadline::NEVER)?,
        };
        let before = self.own_settings(&subject.item, &content)?;
        let own = if let Some(shot) = &subject.shot {
            self.hinted(subject, shot, tried, before)?
        } else {
            let mut scan = original.scan(&self.context.limits_from_now())?;
            scan.select(subject.page)?;
            let info = scan.info().clone();
            let size = (info.width as usize, info.height as usize);
            let size = info.orientation.upright_size(size);
            let reference = self.named(tried)?;
            if let Some(sha256) = &reference {
                let picture = self.reference_picture(sha256)?;
                self.context.ledger.keep_reference(sha256, &picture)?;
            }
            let on_others = before.hints.iter().flatten();
            let on_others = on_others.filter(|hint| hint.page != subject.page + 1).cloned();
            let on_others: Vec<Hint> = on_others.collect();
            let mut own = tried.over(before, reference, (size, subject.page))?;
            if tried.hints.is_some() {
                own.hints.get_or_insert_default().extend(on_others);
            }
            own
        };
        if own.variant > Some(1) && !self.context.model.colorizer.has_alternatives() {
            return Err(Refusal::Unable("these weights have no variants".to_owned()));
        }
        let settings = serde_json::to_string(&own).expect("finite numbers only");
        Ok(OfInput { content, settings })
    }

    /// A film's settings with these hints in the place of those that its shot had.
    fn hinted(
        &self,
        subject: &Subject,
        shot: &Shot,
        tried: &Tried,
        mut own: OwnSettings,
    ) -> Result<OwnSettings, Refusal> {
        if !tried.is_hints_alone() {
            return Err(Refusal::Malformed("hints alone are set on a shot".to_owned()));
        }
        let picture = self.before(subject, &original(subject)?)?;
        let image = picture.image.as_ref().ok_or(Refusal::NotThere)?;
        let time = picture.milliseconds.unwrap_or_default() as f64 / 1000.0;
        let set = tried.over(OwnSettings::default(), None, (image.scan_size(), 0))?;
        own.film_hints.retain(|hint| !shot.contains(hint.time));
        own.film_hints.extend(set.hints.into_iter().flatten().map(|hint| {
            let Hint { x, y, radius, rgb, .. } = hint;
            TimedHint { time, x, y, radius, rgb }
        }));
        own.film_hints.sort_by(|one, other| one.time.total_cmp(&other.time));
        Ok(own)
    }
}
