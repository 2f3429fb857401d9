use super::*;
use crate::shard::Shard;

fn published(ledger: &Ledger, name: &str) -> i64 {
    let job = job(name);
    let id = enqueue(ledger, &job);
    ledger.start(id, "c", Path::new(".a.tmp"), 1).unwrap();
    ledger.intend(id, &result_of(&job)).unwrap();
    ledger.publish(id).unwrap();
    id
}

fn accept(ledger: &Ledger, id: i64, by: &str) {
    judge(ledger, Judgeable { job: id, frame: None, sha256: "r".into() }, Verdict::Accepted, by);
}

fn judge(ledger: &Ledger, of: Judgeable, verdict: Verdict, by: &str) {
    let verdict = Change::Becomes(Some(verdict));
    let judgement = Judgement { verdict, note: Change::Stays, by: by.into() };
    assert!(ledger.judge(&[of], &judgement).unwrap().1.is_empty());
}

/// The ledger of an output folder with one of a shard beside it.
fn two() -> (tempfile::TempDir, Ledger, Ledger, PathBuf) {
    let (folder, whole) = ledger();
    let home = folder.path().join(FOLDER).join("shard-1-of-2");
    std::fs::create_dir(&home).unwrap();
    let shard = Ledger::open_at(&home).unwrap();
    (folder, whole, shard, home)
}

#[test]
fn what_moves_is_in_one_ledger_alone_with_all_that_is_told_of_it() {
    let (folder, whole, shard, _) = two();
    let (a, b) = (published(&whole, "a.jpg"), published(&whole, "b.jpg"));
    accept(&whole, a, "Ada");
    accept(&whole, b, "Bob");
    let own = OfInput { content: "c".into(), settings: "{}".into() };
    whole.ask(a, Some(&own), "Ada").unwrap();
    shard.take_over(&folder.path().join(FOLDER), &|output| output == "a.jpg").unwrap();
    let name = Path::new("a.jpg");
    assert_eq!(whole.result(name).unwrap(), None);
    assert_eq!(whole.own_settings(name).unwrap(), None);
    assert_eq!(whole.verdicts().unwrap().len(), 1);
    assert_eq!(shard.result(name).unwrap(), Some(result_of(&job("a.jpg"))));
    assert_eq!(shard.own_settings(name).unwrap(), Some(own));
    assert_eq!(shard.asked().unwrap().len(), 1);
    assert_eq!(shard.verdicts().unwrap()[0].by, "Ada");
    assert_eq!(shard.result(Path::new("b.jpg")).unwrap(), None);
}

#[test]
fn verdicts_that_come_together_stay_those_of_their_results() {
    let (_folder, whole, shard, home) = two();
    for (ledger, name, by) in [(&whole, "a.jpg", "Ada"), (&shard, "b.jpg", "Bob")] {
        let id = published(ledger, name);
        accept(ledger, id, "somebody else");
        accept(ledger, id, by);
    }
    whole.take_over(&home, &|_| true).unwrap();
    let said = whole.verdicts().unwrap();
    let said: Vec<_> = said.iter().map(|of| (of.output.to_str(), of.by.as_str())).collect();
    assert_eq!(said, [(Some("a.jpg"), "Ada"), (Some("b.jpg"), "Bob")]);
    let acts: Vec<i64> =
        whole.rows("SELECT act FROM verdicts ORDER BY id", &[], |row| row.get("act")).unwrap();
    assert_eq!(acts, [1, 2, 3, 4]);
}

#[test]
fn verdicts_of_shots_stay_those_of_their_shots() {
    let (_folder, whole, shard, home) = two();
    let job = published(&shard, "a.mkv");
    accept(&shard, job, "Ada");
    let shot = Judgeable { job, frame: Some(24), sha256: "r".into() };
    judge(&shard, shot, Verdict::Rejected, "Ada");
    whole.take_over(&home, &|_| true).unwrap();
    assert_eq!(whole.verdicts().unwrap()[0].verdict, Some(Verdict::Accepted));
    let rejected = whole.rejected_shots().unwrap();
    assert_eq!(rejected[Path::new("a.mkv")], [24]);
}

#[test]
fn a_divided_folder_is_read_as_one() {
    let (folder, whole, shard, _) = two();
    published(&whole, "a.jpg");
    published(&shard, "b.jpg");
    let all = Ledger::read(folder.path()).unwrap().unwrap();
    assert_eq!(all.counts().unwrap(), Counts { done: 2, ..Counts::default() });
    assert_eq!(all.result(Path::new("b.jpg")).unwrap(), Some(result_of(&job("b.jpg"))));
    published(&shard, "c.jpg");
    assert_eq!(all.counts().unwrap().done, 2, "it is a copy");
}

#[test]
fn what_is_under_way_moves_with_its_intent() {
    let (_folder, whole, shard, home) = two();
    let job = job("a.jpg");
    let id = enqueue(&shard, &job);
    shard.start(id, "c", Path::new(".a.tmp"), 1).unwrap();
    shard.intend(id, &result_of(&job)).unwrap();
    whole.take_over(&home, &|_| true).unwrap();
    assert_eq!(whole.unsettled().unwrap()[0].intended.as_deref(), Some("r"));
    assert!(shard.unsettled().unwrap().is_empty());
}

#[test]
fn the_shards_of_a_folder_are_known_by_their_folders() {
    let (folder, ..) = two();
    std::fs::create_dir(folder.path().join(FOLDER).join("films")).unwrap();
    let shards: Vec<Shard> =
        shards(folder.path()).unwrap().into_iter().map(|(shard, _)| shard).collect();
    assert_eq!(shards, ["1/2".parse().unwrap()]);
}
