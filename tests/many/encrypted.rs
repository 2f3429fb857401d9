//! Connections to the server that are encrypted where that is asked for, and never plain then.

use crate::folder::Folder;
use crate::pictures;
use crate::postgres::Server;
use crate::workers::{batch, done, ended};

/// A server that lets in who encrypts, the address of it, and its certificate.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn encrypted() -> Option<(Server, String, String)> {
    let mut server = Server::start()?;
    let Some((port, certificate)) = server.encrypt() else {
        println!("skipped: openssl is not installed");
        return None;
    };
    let address = format!("postgres://tester@localhost:{port}/postgres");
    Some((server, address, certificate.display().to_string()))
}

fn one_scan() -> Folder {
    Folder::new().file("in/a.png", pictures::png(32, 24, 1))
}

#[test]
fn a_server_whose_certificate_is_trusted_is_reached_encrypted() {
    let Some((_server, address, certificate)) = encrypted() else { return };
    for mode in ["require", "verify-ca", "verify-full"] {
        let folder = one_scan();
        let address = format!("{address}?sslmode={mode}&sslrootcert={certificate}");
        let run = ended(batch(&folder, &address, &[]).spawn().unwrap());
        if mode == "require" {
            assert_eq!(done(&run.code(0)), 1);
        } else {
            run.code(2).one_error(&["ledger of another output folder"]);
        }
    }
}

#[test]
fn a_server_whose_certificate_is_not_trusted_is_refused() {
    let Some((_server, address, _)) = encrypted() else { return };
    let folder = one_scan();
    let mut batch = batch(&folder, &format!("{address}?sslrootcert=system"), &[]);
    let refused = ended(batch.env("PGSSLMODE", "require").spawn().unwrap());
    refused.code(2).one_error(&["certificate"]);
}

#[test]
fn a_server_of_another_name_is_refused() {
    let Some((_server, address, certificate)) = encrypted() else { return };
    let address = address.replace("localhost", "127.0.0.1");
    let address = format!("{address}?sslmode=require&sslrootcert={certificate}");
    let refused = ended(batch(&one_scan(), &address, &[]).spawn().unwrap());
    refused.code(2).one_error(&["certificate"]);
}

#[test]
fn who_does_not_encrypt_is_not_let_in() {
    let Some((_server, address, _)) = encrypted() else { return };
    let refused = ended(batch(&one_scan(), &address, &[]).spawn().unwrap());
    refused.code(2).one_error(&["no encryption"]);
}

#[test]
fn certificates_that_are_not_there_are_named() {
    let address = "postgres://ada@localhost/scans?sslmode=require&sslrootcert=nowhere.crt";
    let refused = ended(batch(&one_scan(), address, &[]).spawn().unwrap());
    refused.code(2).one_error(&["nowhere.crt"]);
}
