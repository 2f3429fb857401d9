//! Figures for Prometheus.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::daemon::{Daemon, until, watch};
use crate::folder::Folder;
use crate::pictures;

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
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
