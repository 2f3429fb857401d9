//! What is looked at: a page of a job's input with its result, or a shot of a film.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Review;
use super::refusal::Refusal;
use crate::ledger::{Item, Shot};

/// How the page names it: `17` is a job, `17.3` the third shot of its film, or page of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) job: i64,
    /// From 1 on.
    pub(super) part: Option<usize>,
}

impl Id {
    pub(super) fn of_job(job: i64) -> Self {
        Self { job, part: None }
    }

    /// As JSON: a number, or text.
    pub(super) fn told(self) -> Value {
        match self.part {
            None => self.job.into(),
            Some(_) => self.to_string().into(),
        }
    }
}

impl FromStr for Id {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let (job, part) = match text.split_once('.') {
            None => (text, None),
            Some((job, part)) => (job, Some(part.parse().map_err(|_| Refusal::NotThere)?)),
        };
        Ok(Self { job: job.parse().map_err(|_| Refusal::NotThere)?, part })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            None => write!(to, "{}", self.job),
            Some(part) => write!(to, "{}.{part}", self.job),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let id = match Value::deserialize(from)? {
            Value::Number(job) => job.as_i64().map(Self::of_job),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        id.ok_or_else(|| serde::de::Error::custom("`id` is the number of no result"))
    }
}

/// What is looked at.
pub(super) struct Subject {
    pub(super) id: Id,
    pub(super) item: Item,
    /// `None`: the whole.
    pub(super) shot: Option<Shot>,
    /// Of a photograph's file, from 0 on.
    pub(super) page: usize,
}

impl Subject {
    pub(super) fn whole(item: Item) -> Self {
        Self { id: Id::of_job(item.id), item, shot: None, page: 0 }
    }
}

impl Review {
    /// What has a number, if there is such.
    pub(super) fn subject(&self, id: Id) -> Result<Subject, Refusal> {
        let item = self.reading.item(id.job)?.ok_or(Refusal::NotThere)?;
        let Some(part) = id.part else { return Ok(Subject::whole(item)) };
        let place = part.checked_sub(1).ok_or(Refusal::NotThere)?;
        if !item.is_film {
            return Ok(Subject { id, item, shot: None, page: place });
        }
        let result = self.reading.result_of(&item)?.ok_or(Refusal::NotThere)?;
        let shot = *result.shots().get(place).ok_or(Refusal::NotThere)?;
        Ok(Subject { id, item, shot: Some(shot), page: 0 })
    }
}
