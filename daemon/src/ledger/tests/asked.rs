//! What people ask for, and what becomes of it.

use super::*;

fn published_job() -> (tempfile::TempDir, Ledger, i64, Job) {
    let (folder, ledger) = ledger();
    let job = job("a.jpg");
    let id = enqueue(&ledger, &job);
    ledger.start(id, "c", Path::new("t"), 1).unwrap();
    ledger.intend(id, &result_of(&job)).unwrap();
    ledger.publish(id).unwrap();
    (folder, ledger, id, job)
}

fn own(settings: &str) -> OfInput {
    OfInput { content: "c".into(), settings: settings.into() }
}

#[test]
fn what_is_asked_for_is_queued_until_it_ends() {
    let (_folder, ledger, id, job) = published_job();
    assert_eq!(ledger.ask(id, Some(&own("{}")), "Ada").unwrap(), Asking::Queued);
    assert_eq!(ledger.asked().unwrap(), [(id, Job::recorded(job.input.clone(), job.output))]);
    ledger.start(id, "c", Path::new("t"), 1).unwrap();
    assert_eq!(ledger.ask(id, None, "Ada").unwrap(), Asking::InWork);
    ledger.requeue(id, 0).unwrap();
    assert_eq!(ledger.asked().unwrap().len(), 1, "it was interrupted");
    ledger.fail(id, "reason").unwrap();
    assert_eq!(ledger.asked().unwrap(), []);
    assert_eq!(ledger.ask(99, None, "Ada").unwrap(), Asking::Unknown);
}

#[test]
fn below_own_settings_stay_those_that_the_result_had_before() {
    let (_folder, ledger, id, job) = published_job();
    ledger.ask(id, Some(&own("first")), "Ada").unwrap();
    ledger.start(id, "c", Path::new("t"), 1).unwrap();
    let recipe = Recipe { settings: "with own".into(), ..recipe() };
    ledger.intend(id, &Published { recipe, ..result_of(&job) }).unwrap();
    ledger.publish(id).unwrap();
    ledger.ask(id, Some(&own("second")), "Ada").unwrap();
    assert_eq!(ledger.asked_settings(id).unwrap().unwrap(), "{}");
    assert_eq!(ledger.own_settings(&job.output).unwrap(), Some(own("second")));
    ledger.ask(id, None, "Ada").unwrap();
    assert_eq!(ledger.asked_settings(id).unwrap().unwrap(), "{}");
    assert_eq!(ledger.own_settings(&job.output).unwrap(), None);
}

#[test]
fn a_result_that_is_made_again_bit_for_bit_keeps_its_verdict() {
    let (_folder, ledger, id, job) = published_job();
    let judgement = Judgement {
        verdict: Change::Becomes(Some(Verdict::Accepted)),
        note: Change::Stays,
        by: "Ada".into(),
    };
    let judged = Judgeable { job: id, frame: None, sha256: "r".into() };
    ledger.judge(&[judged], &judgement).unwrap();
    for (sha256, accepted) in [("r", 1), ("other", 0), ("r", 1)] {
        ledger.start(id, "c", Path::new("t"), 1).unwrap();
        let result = Published { sha256: sha256.into(), ..result_of(&job) };
        ledger.intend(id, &result).unwrap();
        ledger.publish(id).unwrap();
        assert_eq!(ledger.verdict_counts().unwrap().accepted, accepted, "{sha256}");
    }
}
