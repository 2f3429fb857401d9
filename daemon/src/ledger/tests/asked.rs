//! What people ask for, and what becomes of it.

use super::*;

fn published_job(open: Open) -> Option<(Kept, Ledger, i64, Job)> {
    let (kept, ledger) = open()?;
    let job = job("a.jpg");
    let id = enqueue(&ledger, &job);
    ledger.start(id, "c", Path::new("t"), 1).unwrap();
    ledger.intend(id, &result_of(&job)).unwrap();
    ledger.publish(id).unwrap();
    Some((kept, ledger, id, job))
}

/// Begins a job that somebody asked for.
fn start_asked(ledger: &Ledger, id: i64) {
    if ledger.is_shared() {
        assert_eq!(take(ledger, &recipe()), id);
    }
    ledger.start(id, "c", Path::new("t"), 1).unwrap();
}

/// Makes the result again with settings of its own.
fn make_with_own(ledger: &Ledger, id: i64, job: &Job) {
    ledger.ask(id, Some(&own("first")), "Ada").unwrap();
    start_asked(ledger, id);
    let recipe = Recipe { settings: "with own".into(), ..recipe() };
    ledger.intend(id, &Published { recipe, ..result_of(job) }).unwrap();
    ledger.publish(id).unwrap();
}

fn own(settings: &str) -> OfInput {
    OfInput { content: "c".into(), settings: settings.into() }
}

in_both! {
fn what_is_asked_for_is_queued_until_it_ends(open: Open) {
    let Some((_kept, ledger, id, job)) = published_job(open) else { return };
    assert_eq!(ledger.ask(id, Some(&own("{}")), "Ada").unwrap(), Asking::Queued);
    assert_eq!(ledger.asked().unwrap(), [(id, Job::recorded(job.input.clone(), job.output))]);
    start_asked(&ledger, id);
    assert_eq!(ledger.ask(id, None, "Ada").unwrap(), Asking::InWork);
    ledger.requeue(id, 0).unwrap();
    assert_eq!(ledger.asked().unwrap().len(), 1, "it was interrupted");
    start_asked(&ledger, id);
    ledger.fail(id, "reason").unwrap();
    assert_eq!(ledger.asked().unwrap(), []);
    assert_eq!(ledger.ask(99, None, "Ada").unwrap(), Asking::Unknown);
}

fn below_own_settings_stay_those_that_the_result_had_before(open: Open) {
    let Some((_kept, ledger, id, job)) = published_job(open) else { return };
    make_with_own(&ledger, id, &job);
    ledger.ask(id, Some(&own("second")), "Ada").unwrap();
    assert_eq!(ledger.asked_settings(id).unwrap().unwrap(), "{}");
    assert_eq!(ledger.own_settings(&job.output).unwrap(), Some(own("second")));
    ledger.ask(id, None, "Ada").unwrap();
    assert_eq!(ledger.asked_settings(id).unwrap().unwrap(), "{}");
    assert_eq!(ledger.own_settings(&job.output).unwrap(), None);
}

fn settings_that_wait_without_own_ones_stay_below_those_that_are_set_next(open: Open) {
    let Some((_kept, ledger, id, job)) = published_job(open) else { return };
    make_with_own(&ledger, id, &job);
    ledger.ask(id, None, "Ada").unwrap();
    ledger.ask(id, Some(&own("second")), "Ada").unwrap();
    assert_eq!(ledger.asked_settings(id).unwrap().unwrap(), "{}");
}

fn a_result_that_is_made_again_bit_for_bit_keeps_its_verdict(open: Open) {
    let Some((_kept, ledger, id, job)) = published_job(open) else { return };
    let judgement = Judgement {
        verdict: Change::Becomes(Some(Verdict::Accepted)),
        note: Change::Stays,
        by: "Ada".into(),
    };
    let judged = Judgeable { job: id, frame: None, sha256: "r".into() };
    ledger.judge(&[judged], &judgement).unwrap();
    for (sha256, accepted) in [("r", 1), ("other", 0), ("r", 1)] {
        ledger.ask(id, None, "Ada").unwrap();
        start_asked(&ledger, id);
        let result = Published { sha256: sha256.into(), ..result_of(&job) };
        ledger.intend(id, &result).unwrap();
        ledger.publish(id).unwrap();
        assert_eq!(ledger.verdict_counts().unwrap().accepted, accepted, "{sha256}");
    }
}
}
