use super::*;
use crate::ledger::claims::TAKE;
use crate::settings::SOFTWARE;

/// Buffers that the server looked at to take two jobs.
fn buffers(ledger: &Ledger) -> u64 {
    let settings = json!([recipe().settings]).to_string();
    let told: Vec<String> = ledger
        .write(|session| {
            session.rows(
                &format!("EXPLAIN (ANALYZE, BUFFERS) {TAKE}"),
                store::values![0_i64, 90_000_i64, SOFTWARE, "w", settings, 2_i64],
                |row| row.get("QUERY PLAN"),
            )
        })
        .unwrap();
    // The first line with buffers tells of all below it.
    let first = told.iter().find(|line| line.contains("Buffers: ")).unwrap();
    let numbers = first.split(['=', ' ']).filter_map(|word| word.parse::<u64>().ok());
    numbers.sum()
}

#[test]
fn a_worker_does_not_walk_over_what_others_are_to_do() {
    let Some((_kept, ledger)) = in_postgresql_alone() else { return };
    let queue = |software: &str, jobs: u32| {
        let sql = "INSERT INTO jobs (output, input, weights, settings, software, state, queued_at)
                   SELECT CAST(?1 AS TEXT) || n, CAST(?1 AS TEXT) || n, 'w', '{}', ?1, 'queued', n
                   FROM generate_series(1, CAST(?2 AS BIGINT)) AS n";
        ledger.execute(sql, store::values![software, jobs]).unwrap();
    };
    let analyze = || ledger.write(|session| session.script("ANALYZE jobs")).unwrap();
    // What the server knows of the table is older than the queue.
    analyze();
    queue("another version", 100_000);
    assert!(buffers(&ledger) < 100, "{}", buffers(&ledger));
    analyze();
    assert!(buffers(&ledger) < 100, "{}", buffers(&ledger));
    queue(SOFTWARE, 10);
    assert!(buffers(&ledger) < 200, "{}", buffers(&ledger));
}

#[test]
fn what_people_ask_for_comes_first_whatever_its_recipe() {
    let Some((_kept, ledger)) = in_postgresql_alone() else { return };
    let older = Recipe { settings: "older".into(), ..recipe() };
    let jobs = [job("a.jpg"), job("b.jpg"), job("c.jpg")];
    ledger.enqueue([(&jobs[0], None)], &recipe()).unwrap();
    for job in &jobs[1..] {
        ledger.enqueue([(job, None)], &older).unwrap();
    }
    let of = "SELECT id FROM jobs WHERE output = 'c.jpg'";
    let id: i64 = ledger.row(of, &[], |row| row.get("id")).unwrap().unwrap();
    ledger.ask(id, None, "Ada").unwrap();
    let take = || -> Vec<PathBuf> {
        let taken = ledger.take(1, &[recipe()]).unwrap();
        taken.into_iter().map(|(_, job)| job.output).collect()
    };
    assert_eq!([take(), take(), take()].concat(), [Path::new("c.jpg"), Path::new("a.jpg")]);
}

#[test]
fn a_name_that_another_input_is_about_to_get_waits_for_that() {
    let Some((_kept, ledger)) = in_postgresql_alone() else { return };
    let first = job("a.jpg");
    let second = Job { input: "/elsewhere/a.jpg".into(), ..job("a.jpg") };
    let ids = [&first, &second].map(|job| enqueue(&ledger, job));
    ledger.intend(ids[0], &result_of(&first)).unwrap();
    let other = Published { sha256: "other".into(), ..result_of(&second) };
    assert!(ledger.intend(ids[1], &other).is_err());
    ledger.requeue(ids[1], 0).unwrap();
    ledger.publish(ids[0]).unwrap();
    assert_eq!(ledger.result(Path::new("a.jpg")).unwrap(), Some(result_of(&first)));
}
