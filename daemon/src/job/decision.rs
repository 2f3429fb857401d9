//! Whether an input is to be colored, by what lies under its result's name.

use std::path::Path;

use crate::error::{Error, Result};
use crate::files::fingerprint;
use crate::files::publish::{self, Place};
use crate::job::context::JobContext;
use crate::job::outcome::SkipReason;
use crate::job::staleness::staleness;
use crate::ledger::{Known, Original, Published};
use crate::plan::Job;
use crate::policy::Redo;
use crate::settings::Recipe;

/// What is to be done about an input.
pub(crate) enum Decision {
    /// Color it; the result replaces this one.
    Color(Option<Published>),
    /// Its result is there.
    Keep(Published),
    /// Its result was there, and somebody changed it.
    LeaveEdited,
}

impl JobContext {
    /// The result of a job, where the ledger and the times of input and result alone show that
    /// nothing is to be done, and why: a run over a finished collection reads no file.
    pub(crate) fn done_by_times(&self, job: &Job) -> Result<Option<(Published, SkipReason)>> {
        match self.ledger.known(&job.output)? {
            Some(known) => self.known_done_by_times(job, known),
            None => Ok(None),
        }
    }

    /// The same where it is known already what the ledger tells.
    pub(crate) fn known_done_by_times(
        &self,
        job: &Job,
        Known { result, own, is_done }: Known,
    ) -> Result<Option<(Published, SkipReason)>> {
        let (Some(source), Ok(now)) = (result.source, fingerprint::stamp(&job.shown)) else {
            return Ok(None);
        };
        let unchanged = source == now && result.input == job.input;
        if !unchanged || !is_done {
            return Ok(None);
        }
        let treatment = self.treatment_with(&job.output, &result.content, own);
        if !stays(&result, &treatment.recipe, treatment.redo) {
            return Ok(None);
        }
        let path = self.folder.join(&job.output);
        let place = publish::inspect_result(&path, Some(&result), true)?;
        Ok((place == Place::Ours).then(|| {
            let reason = done_already(&result, &treatment.recipe);
            (result, reason)
        }))
    }
}

/// Why a job is skipped whose result is there.
pub(crate) fn done_already(result: &Published, recipe: &Recipe) -> SkipReason {
    SkipReason::DoneAlready(staleness(result, recipe))
}

/// Whether a result of the same content is left as it is.
fn stays(result: &Published, recipe: &Recipe, redo: Redo) -> bool {
    match redo {
        Redo::Nothing => true,
        Redo::Older => staleness(result, recipe).is_none(),
        Redo::All => false,
    }
}

/// Decides about a job whose input has the SHA-256 `content`, by what lies at `path` and what the
/// ledger knows of it.
pub(crate) fn decide(
    job: &Job,
    content: &str,
    recipe: &Recipe,
    redo: Redo,
    path: &Path,
    known: Option<Published>,
) -> Result<Decision> {
    let place = publish::inspect_result(path, known.as_ref(), false)?;
    let same = |known: &Published| known.content == content;
    match (place, known) {
        (Place::Free, _) => Ok(Decision::Color(None)),
        (Place::Foreign, _) | (_, None) => Err(Error::Occupied { path: path.to_path_buf() }),
        (Place::Ours, Some(known)) if same(&known) && stays(&known, recipe, redo) => {
            Ok(Decision::Keep(known))
        }
        (Place::Ours, Some(known))
            if matches!(known.original, Original::Leaving | Original::Gone)
                && known.content != content =>
        {
            Err(Error::OriginalGone { path: path.to_path_buf() })
        }
        (Place::Ours, Some(known))
            if known.input == job.input || same(&known) || redo == Redo::All =>
        {
            Ok(Decision::Color(Some(known)))
        }
        (Place::Ours, Some(known)) => {
            Err(Error::ResultOfAnother { path: path.to_path_buf(), owner: known.input })
        }
        (Place::Edited, Some(known)) if same(&known) && redo != Redo::All => {
            Ok(Decision::LeaveEdited)
        }
        (Place::Edited, Some(_)) => Err(Error::Edited { path: path.to_path_buf() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ledger::{Making, Seen};
    use crate::settings::SOFTWARE;

    const RESULT: &[u8; 6] = b"result";

    fn recipe() -> Recipe {
        Recipe { weights: "w".into(), settings: "{}".into() }
    }

    fn job() -> Job {
        Job {
            shown: "a.jpg".into(),
            input: "/in/a.jpg".into(),
            below: "a.jpg".into(),
            output: "a.jpg".into(),
            named: false,
        }
    }

    /// A result of [`job`] at `path`, and the ledger's record of it.
    fn published(path: &Path) -> Published {
        fs::write(path, RESULT).unwrap();
        Published {
            input: job().input,
            content: "content".into(),
            recipe: recipe(),
            source: None,
            sha256: fingerprint::sha256(path).unwrap(),
            size: 6,
            modified: 0,
            width: 1,
            height: 1,
            milliseconds: 1,
            original: Original::Kept,
            making: Making { software: Some(SOFTWARE.into()), ..Making::default() },
            sidecar: None,
            notices: None,
            film: None,
            seen: Seen::default(),
        }
    }

    struct Case {
        content: &'static str,
        recipe: Recipe,
        redo: Redo,
        input: &'static str,
    }

    fn usual() -> Case {
        Case { content: "content", recipe: recipe(), redo: Redo::Nothing, input: "/in/a.jpg" }
    }

    fn decide_at(path: &Path, case: Case, known: Option<Published>) -> Result<Decision> {
        let job = Job { input: case.input.into(), ..job() };
        decide(&job, case.content, &case.recipe, case.redo, path, known)
    }

    #[test]
    fn an_unchanged_result_is_kept_and_a_missing_one_made_again() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let known = published(&path);
        assert!(matches!(decide_at(&path, usual(), Some(known.clone())), Ok(Decision::Keep(_))));
        fs::remove_file(&path).unwrap();
        assert!(matches!(decide_at(&path, usual(), Some(known)), Ok(Decision::Color(None))));
        assert!(matches!(decide_at(&path, usual(), None), Ok(Decision::Color(None))));
    }

    #[test]
    fn our_unchanged_result_is_replaced_when_anything_it_depends_on_changed() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let known = published(&path);
        let other = Recipe { settings: "{1}".into(), ..recipe() };
        for case in [
            Case { content: "other", ..usual() },
            Case { recipe: other, redo: Redo::Older, ..usual() },
            Case { redo: Redo::All, ..usual() },
        ] {
            let decision = decide_at(&path, case, Some(known.clone()));
            assert!(matches!(decision, Ok(Decision::Color(Some(_)))));
        }
    }

    #[test]
    fn what_was_made_otherwise_stays_until_it_is_asked_for() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let known = published(&path);
        let weights = Recipe { weights: "new".into(), ..recipe() };
        let settings = Recipe { settings: "{1}".into(), ..recipe() };
        let making = Making { software: Some("Polychromify 0.0.1".into()), ..Making::default() };
        let by_older = Published { making, ..known.clone() };
        for (recipe, known) in [(weights, &known), (settings, &known), (recipe(), &by_older)] {
            let case = |redo| Case { recipe: recipe.clone(), redo, ..usual() };
            let decide = |redo| decide_at(&path, case(redo), Some(known.clone()));
            assert!(matches!(decide(Redo::Nothing), Ok(Decision::Keep(_))));
            assert!(matches!(decide(Redo::Older), Ok(Decision::Color(Some(_)))));
            fs::write(&path, "edited").unwrap();
            assert!(matches!(decide(Redo::Older), Ok(Decision::LeaveEdited)));
            fs::write(&path, RESULT).unwrap();
        }
        let up_to_date = Case { redo: Redo::Older, ..usual() };
        assert!(matches!(decide_at(&path, up_to_date, Some(known)), Ok(Decision::Keep(_))));
    }

    #[test]
    fn an_edited_result_is_left_alone_and_never_replaced() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let known = published(&path);
        fs::write(&path, "edited").unwrap();
        assert!(matches!(
            decide_at(&path, usual(), Some(known.clone())),
            Ok(Decision::LeaveEdited)
        ));
        for case in [Case { content: "other", ..usual() }, Case { redo: Redo::All, ..usual() }] {
            let refused = decide_at(&path, case, Some(known.clone()));
            assert!(matches!(refused, Err(Error::Edited { .. })));
        }
    }

    #[test]
    fn a_result_whose_original_is_gone_is_never_replaced_by_another_photograph() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        for original in [Original::Leaving, Original::Gone] {
            let known = Published { original, ..published(&path) };
            for redo in [Redo::Nothing, Redo::All] {
                let case = Case { content: "other", redo, ..usual() };
                let refused = decide_at(&path, case, Some(known.clone()));
                assert!(matches!(refused, Err(Error::OriginalGone { .. })));
            }
            assert!(matches!(decide_at(&path, usual(), Some(known)), Ok(Decision::Keep(_))));
        }
    }

    #[test]
    fn a_result_whose_original_was_only_to_go_is_replaced_when_that_grew() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let known = Published { original: Original::Due, ..published(&path) };
        let decision = decide_at(&path, Case { content: "other", ..usual() }, Some(known));
        assert!(matches!(decision, Ok(Decision::Color(Some(_)))));
    }

    #[test]
    fn a_file_that_is_not_ours_is_never_replaced() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        fs::write(&path, "theirs").unwrap();
        for redo in [Redo::Nothing, Redo::All] {
            let refused = decide_at(&path, Case { redo, ..usual() }, None);
            assert!(matches!(refused, Err(Error::Occupied { .. })));
        }
    }

    #[test]
    fn the_result_of_another_input_is_kept_if_equal_and_replaced_only_by_force() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let known = published(&path);
        let moved = Case { input: "/moved/a.jpg", ..usual() };
        assert!(matches!(decide_at(&path, moved, Some(known.clone())), Ok(Decision::Keep(_))));
        let other = |redo| Case { input: "/b/a.jpg", content: "other", redo, ..usual() };
        let refused = decide_at(&path, other(Redo::Older), Some(known.clone()));
        assert!(matches!(refused, Err(Error::ResultOfAnother { .. })));
        assert!(matches!(
            decide_at(&path, other(Redo::All), Some(known)),
            Ok(Decision::Color(Some(_)))
        ));
    }
}
