//! Figures for Prometheus.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, Signal, prlimit};

use crate::daemon::{Daemon, PATIENCE, until, watch};
use crate::folder::Folder;
use crate::pictures;

fn get(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// What comes back for a request until the other side closes; less if it breaks off.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = Vec::new();
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    String::from_utf8(answer).unwrap()
}

/// A watching program that serves figures, and their address.
fn serving(folder: &Folder, flags: &[&str]) -> (Daemon, String) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let flags: Vec<_> = ["--metrics", &address].into_iter().chain(flags.iter().copied()).collect();
    (watch(folder, &flags), address)
}

#[test]
fn figures_tell_what_ended_and_what_the_ledger_knows() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/bad.png", "no picture, though long enough for one");
    std::fs::create_dir_all(folder.path("in")).unwrap();
    let flags = ["--metrics", "127.0.0.1:0", "--tries", "1", "--retry-delay", "50ms"];
    let all = crate::daemon::QUICK.into_iter();
    let mut daemon = Daemon::spawn(folder.command(all.chain(flags)));
    let line = daemon.wait_for("http://127.0.0.1:");
    let address = line.split("http://").nth(1).unwrap().trim_end_matches("/metrics").to_owned();
    let figures = || get(&address, "/metrics");
    for figure in [
        "polychromify_results_total{status=\"done\"} 1",
        "polychromify_results_total{status=\"failed\"} 1",
        "polychromify_ledger_inputs{state=\"done\"} 1",
        "polychromify_ledger_inputs{state=\"failed\"} 1",
    ] {
        until(figure, || figures().lines().any(|line| line == figure));
    }
    assert!(figures().starts_with("HTTP/1.1 200"));
    assert!(figures().contains("text/plain; version=0.0.4"));
    assert!(get(&address, "/").starts_with("HTTP/1.1 404"));
    daemon.stop();
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn figures_are_for_this_machine_only_unless_said_otherwise() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("in")).unwrap();
    let flags = ["watch", "in", "-o", "out", "--metrics", "0.0.0.0:0"];
    folder.polychromify(flags).code(2).one_error(&["0.0.0.0:0", "--metrics-anywhere"]);
    watch(&folder, &["--metrics", "0.0.0.0:0", "--metrics-anywhere"]).stop();
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("in")).unwrap();
    let flags = ["watch", "in", "-o", "out", "--metrics", &address];
    folder.polychromify(flags).code(2).one_error(&[&address, "cannot listen"]);
}

#[test]
fn figures_stay_where_they_are_when_the_configuration_is_read_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let folder = Folder::new();
    let mut daemon = watch(&folder, &["--metrics", &address]);
    for _ in 0..3 {
        daemon.signal(Signal::HUP);
        daemon.wait_for("watching");
        assert!(get(&address, "/metrics").starts_with("HTTP/1.1 200"));
    }
    daemon.stop();
}

#[test]
fn a_request_that_promises_an_endless_body_ends_nothing() {
    let folder = Folder::new();
    let (daemon, address) = serving(&folder, &[]);
    for length in ["9000000000000000000", "99999999999999999999999999", "-1", "5000"] {
        for method in ["GET", "POST"] {
            let answer = ask(
                &address,
                &format!(
                    "{method} /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
                ),
            );
            assert!(answer.starts_with("HTTP/1.1 "), "{method} {length}: {answer:?}");
        }
    }
    assert!(get(&address, "/metrics").starts_with("HTTP/1.1 200"));
    daemon.stop();
}

#[test]
fn a_request_that_is_too_long_or_no_request_is_refused() {
    let folder = Folder::new();
    let (daemon, address) = serving(&folder, &[]);
    let endless = format!("GET /metrics HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: a\r\n".repeat(10_000));
    for request in [&endless, &many, "\0\0\0\0\r\n\r\n"] {
        assert!(!ask(&address, request).starts_with("HTTP/1.1 200"));
    }
    assert!(get(&address, "/metrics").starts_with("HTTP/1.1 200"));
    daemon.stop();
}

#[test]
fn a_client_that_says_nothing_holds_up_neither_figures_nor_the_end() {
    let folder = Folder::new();
    let (daemon, address) = serving(&folder, &[]);
    let mut silent = TcpStream::connect(&address).unwrap();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"GET /metrics HTTP/1.1\r\nContent-Length: 5000\r\n\r\n").unwrap();
    let mut slow = TcpStream::connect(&address).unwrap();
    slow.write_all(b"GET /metr").unwrap();
    assert!(get(&address, "/metrics").starts_with("HTTP/1.1 200"));
    daemon.stop(); // waits for its end
    for stream in [&mut silent, &mut half, &mut slow] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

#[test]
fn a_configuration_with_another_address_comes_into_force_beside_a_silent_client() {
    let folder = Folder::new();
    let ports = [0; 2].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [first, second] = ports.map(|port| port.local_addr().unwrap().to_string());
    let settings = |address: &str| {
        folder.write("c.toml", format!("metrics = \"{address}\"\n"));
    };
    settings(&first);
    let mut daemon = watch(&folder, &["--config", "c.toml"]);
    let silent = TcpStream::connect(&first).unwrap();
    settings(&second);
    daemon.signal(Signal::HUP);
    daemon.wait_for("watching");
    assert!(get(&second, "/metrics").starts_with("HTTP/1.1 200"));
    drop(silent);
    daemon.stop();
}

#[test]
fn connections_beyond_what_the_program_may_open_take_nothing_from_its_work() {
    let folder = Folder::new();
    let (daemon, address) = serving(&folder, &[]);
    let few = Rlimit { current: Some(64), maximum: Some(64) };
    prlimit(Some(daemon.id()), Resource::Nofile, few).unwrap();
    let idle: Vec<_> = (0..90).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    folder.write("in/a.png", pictures::png(30, 20, 1));
    daemon.until("a result", || folder.exists("out/a.png"));
    drop(idle);
    until("figures", || get(&address, "/metrics").starts_with("HTTP/1.1 200"));
    daemon.stop();
}
