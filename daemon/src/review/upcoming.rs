//! What a picture would be made with now: what a person set for it, also where that still waits to be
//! made, on top of the settings below.

use polychromify_core::{Deadline, Hint};
use serde_json::{Value, json};

use super::Review;
use super::pictures::original;
use super::refusal::Refusal;
use super::subject::Subject;
use crate::ledger::Item;
use crate::settings::{OwnSettings, RenderSettings, TimedHint};

/// Settings with the hints of a page alone, or of a shot as those of a photograph.
fn of_part(own: OwnSettings, part: &Subject) -> OwnSettings {
    let hints = match &part.shot {
        Some(shot) => {
            let of_it = own.film_hints.iter().filter(|hint| shot.contains(hint.time));
            let hint = |&TimedHint { x, y, radius, rgb, .. }: &TimedHint| Hint {
                x,
                y,
                radius,
                rgb,
                page: 1,
            };
            Some(of_it.map(hint).collect())
        }
        None => own.hints.map(|mut hints| {
            hints.retain(|hint| hint.page == part.page + 1);
            hints
        }),
    };
    OwnSettings { hints, film_hints: Vec::new(), ..own }
}

/// Hints in shares of an upright picture, as the page tells them.
fn in_shares(hints: &[Hint], (width, height): (usize, usize)) -> Value {
    let (width, height) = (width as f32, height as f32);
    let told = hints.iter().map(|hint| {
        let [r, g, b] = hint.rgb;
        json!({
            "x": hint.x / width,
            "y": hint.y / height,
            "radius": hint.radius / width.max(height),
            "color": format!("#{r:02x}{g:02x}{b:02x}"),
        })
    });
    told.collect()
}

impl Review {
    /// What was set for a job's input, if it is still the same photograph.
    pub(super) fn own_settings(&self, item: &Item, content: &str) -> Result<OwnSettings, Refusal> {
        let own = self.reading.own_settings(&item.output)?.filter(|own| own.content == content);
        Ok(own.and_then(|own| serde_json::from_str(&own.settings).ok()).unwrap_or_default())
    }

    /// What was set for what is looked at, for all of its pages or shots: for the photograph that its
    /// result was made of, or where there is no result yet for the one that lies there.
    fn own_of_all(&self, subject: &Subject) -> Result<OwnSettings, Refusal> {
        let item = &subject.item;
        if let Some(result) = self.reading.result_of(item)? {
            return self.own_settings(item, &result.content);
        }
        if self.reading.own_settings(&item.output)?.is_none() {
            return Ok(OwnSettings::default());
        }
        let content = original(subject)?.sha256(&self.context.stop, Deadline::NEVER)?;
        self.own_settings(item, &content)
    }

    /// The same with the hints of its page or shot alone.
    pub(super) fn own_of(&self, subject: &Subject) -> Result<OwnSettings, Refusal> {
        Ok(of_part(self.own_of_all(subject)?, subject))
    }

    /// Tells of what is looked at, of this size, what mending it begins with, and the hints of its result
    /// as such where they are the same.
    pub(super) fn tell_mending(
        &self,
        subject: &Subject,
        (width, height): (usize, usize),
        told: &mut Value,
    ) -> Result<(), Refusal> {
        let own = self.own_of_all(subject)?;
        let settings = &told["settings"];
        let is_of_result = settings.is_object()
            && (subject.shot.is_some()
                || settings["hints"].as_str() == own.sha256_of_hints().as_deref());
        let mut mending = self.made_now(&subject.item, &own)?;
        if let Some(hints) = of_part(own, subject).hints {
            mending["hints"] = in_shares(&hints, (width, height));
            if is_of_result {
                told["settings"]["hints"] = mending["hints"].clone();
            }
        }
        told["mending"] = mending;
        Ok(())
    }

    /// The settings of a photograph as JSON, with its own ones; of a film none.
    fn made_now(&self, item: &Item, own: &OwnSettings) -> Result<Value, Refusal> {
        let below = self.settings_below(item)?;
        let precision = self.context.model.settings.precision;
        let below = below.and_then(|below| RenderSettings::read(&below, precision));
        let Some(settings) = below.map(|below| below.with(own).recipe("").settings) else {
            return Ok(json!({}));
        };
        let mut told: Value = serde_json::from_str(&settings).unwrap_or_default();
        told["hints"] = json!([]);
        Ok(told)
    }

    /// The settings on top of which those of its own lie: the ones that a job waits with, or that its
    /// result has.
    fn settings_below(&self, item: &Item) -> Result<Option<String>, Refusal> {
        let is_with_job = self.reading.own_settings(&item.output)?.is_some()
            || self.reading.asked_settings(item.id)?.is_some();
        let result = self.reading.result_of(item)?.filter(|_| !is_with_job);
        match result {
            Some(result) => Ok(Some(result.recipe.settings)),
            None => Ok(self.reading.settings_of(item.id)?),
        }
    }
}
