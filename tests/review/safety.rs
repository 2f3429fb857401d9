//! Requests that are refused, and the page that still answers.

use std::io::Write;

use serde_json::json;

use crate::client::{Client, colored};
use crate::folder::Folder;
use crate::weights;

#[test]
fn a_foreign_host_is_refused() {
    let (folder, name) = (colored(), "evil.example");
    let page = Client::open(&folder);
    let [_, cookie, header] = page.headers();
    let port = page.address.split(':').next_back().unwrap();
    for host in [format!("{name}:{port}"), name.into(), "127.0.0.1".into(), String::new()] {
        for path in ["/", "/api/summary", "/assets/index.html"] {
            let answer = page.ask("GET", path, &[("host", &host), cookie, header], b"");
            assert!(matches!(answer.status, 400 | 421), "{host} {path}: {}", answer.status);
        }
    }
    assert_eq!(page.get("/api/summary").status, 200);
}

#[test]
fn a_foreign_origin_is_refused() {
    let folder = colored();
    let page = Client::open(&folder);
    let [host, cookie, header] = page.headers();
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost"] {
        let headers = [host, cookie, header, ("origin", origin)];
        assert_eq!(page.ask("POST", "/api/undo", &headers, b"{\"undo\": 1}").status, 403);
        assert_eq!(page.ask("GET", "/api/summary", &headers, b"").status, 403, "{origin}");
    }
    let own = format!("http://{}", page.address);
    let headers = [host, cookie, header, ("origin", own.as_str())];
    assert_eq!(page.ask("POST", "/api/undo", &headers, b"{\"undo\": 1}").status, 200);
}

#[test]
fn without_the_token_nothing_is_told() {
    let folder = colored();
    let page = Client::open(&folder);
    let [host, _, header] = page.headers();
    let id = page.item("a.png")["id"].clone();
    for path in [
        "/api/summary".into(),
        "/api/results".into(),
        "/api/verdicts.csv".into(),
        format!("/api/thumb/{id}"),
        format!("/api/tiles/{id}/before/0/0_0"),
    ] {
        let answer = page.ask("GET", &path, &[host, header], b"");
        assert_eq!(answer.status, 401, "{path}");
        let false_cookie = ("cookie", "polychromify-1=0; session=1");
        assert_eq!(page.ask("GET", &path, &[host, header, false_cookie], b"").status, 401);
    }
}

#[test]
fn a_wrong_token_buys_no_session() {
    let folder = colored();
    let page = Client::open(&folder);
    let last = if page.token.ends_with('0') { '1' } else { '0' };
    let almost = format!("{}{last}", &page.token[..63]);
    for token in ["", "0", &almost, &page.token.to_uppercase()] {
        let answer = page.post("/api/session", &json!({"token": token}));
        assert!(answer.status == 403 && !answer.head.contains("set-cookie"), "{token}: {answer:?}");
    }
}

#[test]
fn the_session_is_for_no_script_and_no_other_site() {
    let folder = colored();
    let page = Client::open(&folder);
    let answer = page.post("/api/session", &json!({"token": page.token}));
    let cookie = answer.head.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
}

#[test]
fn nothing_is_changed_without_the_header() {
    let folder = colored();
    let page = Client::open(&folder);
    let [host, cookie, _] = page.headers();
    for path in ["/api/verdicts", "/api/undo", "/api/make", "/api/look/1", "/api/session"] {
        assert_eq!(page.ask("POST", path, &[host, cookie], b"{}").status, 403, "{path}");
        assert_eq!(page.ask("PUT", path, &[host, cookie], b"{}").status, 403, "{path}");
    }
}

#[test]
fn no_request_names_a_path() {
    let folder = colored();
    let page = Client::open(&folder);
    for path in [
        "/../../etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2fetc%2fpasswd",
        "/api/thumb/..%2f1",
        "/api/thumb/-1",
        "/api/thumb/99999999999999999999",
        "/api/thumb/1/../../secret",
        "/api/tiles/1/..%2f..%2fin/0/0_0",
        "/api/tiles/1/before/0/..%2f0",
        "/api/tiles/1/before/0/0_18446744073709551615",
        "/api/tiles/1/before/18446744073709551615/0_0",
        "/api/results/a.png",
    ] {
        let answer = page.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert!(!answer.body.windows(5).any(|five| five == b"root:"), "{path}");
    }
    assert_eq!(page.get("/api/summary").status, 200);
}

#[test]
fn a_body_of_100_megabytes_is_refused_and_the_page_still_answers() {
    let folder = colored();
    let page = Client::open(&folder);
    let body = vec![b' '; 100 << 20];
    for path in ["/api/verdicts", "/api/session", "/api/look/1", "/api/make"] {
        let answer = page.ask("POST", path, &page.headers(), &body);
        assert!(matches!(answer.status, 413 | 0), "{path}: {}", answer.status);
        assert_eq!(page.get("/api/summary").status, 200);
    }
}

#[test]
fn two_hundred_connections_hold_nobody_up() {
    let folder = colored();
    let page = Client::open(&folder);
    let connections: Vec<_> = (0..200)
        .map(|i| {
            let mut stream = page.connect();
            if i % 2 == 0 {
                stream.write_all(b"GET /api/summary HTTP/1.1\r\nhost: ").unwrap();
            }
            stream
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(page.get("/api/summary").status, 200);
    }
    drop(connections);
    assert_eq!(page.get("/").status, 200);
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let folder = colored();
    let page = Client::open(&folder);
    for path in ["/", "/api/summary", "/api/nothing", "/assets/nothing"] {
        let head = page.get(path).head;
        for line in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(line), "{path}: {head}");
        }
        assert!(head.contains("frame-ancestors 'none'") && !head.contains("unsafe"), "{head}");
    }
}

#[test]
fn other_machines_are_let_in_only_where_that_is_said() {
    let folder = colored();
    let listen = ["review", "-o", "out", "--no-browser", "--listen", "0.0.0.0:0"];
    let run = folder.polychromify(listen).code(2);
    assert!(run.stderr.contains("--allow-remote"), "{}", run.stderr);
}

#[test]
fn a_folder_without_a_ledger_has_no_page() {
    let folder = Folder::new().file("out/a.txt", "");
    let run = folder.polychromify(["review", "-o", "out", "--weights", weights::tiny()]).code(2);
    assert!(run.stderr.contains("there is no ledger here"), "{}", run.stderr);
}
