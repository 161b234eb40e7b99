//! What a no of an array becomes.

use super::bench::{Bench, fixture, says, vv};
use crate::{
    inform::{ArrayError, Refusal, wire::Answer},
    model::HostName,
};

#[tokio::test]
async fn refusals_carry_their_kind_and_the_arrays_words() {
    let bench = Bench::new(vec![
        fixture("createhost/initiator-taken"),
        fixture("removevv/in-set"),
        Ok(Answer {
            exit_status: Some(1),
            ..says("").unwrap()
        }),
    ]);
    let a = &bench.array;
    let host = HostName::new("ward3").unwrap();
    let error = a
        .createhost(
            &host,
            &["iqn.2026-01.test:ward3".parse().unwrap()],
            2,
            None,
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(
        error.refusal(),
        Some(Refusal::InitiatorTaken {
            host: "ward-three.test".to_owned()
        })
    );
    let error = a.removevv(&vv("dkv-ledger")).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::InSet));
    let text = error.to_string();
    assert!(
        text.contains("harbour")
            && text.contains("removevv -f dkv-ledger")
            && text.contains("Removing vv dkv-ledger / Attempt")
            && text.contains("vv set audit_set"),
        "{text}"
    );
    let error = a.removevv(&vv("dkv-ledger")).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Other));
    assert!(error.to_string().contains("without words"), "{error}");
}

#[tokio::test]
async fn what_is_cut_and_what_is_not_understood_are_told_apart() {
    let bench = Bench::new(vec![says("Id Name\n 1 a\n"), says("what?\n")]);
    let cut = bench.array.showcpg().await.unwrap_err();
    assert!(
        matches!(&cut, ArrayError::Truncated { text, .. } if text == "Id Name\n 1 a\n"),
        "{cut}"
    );
    let other = bench.array.showcpg().await.unwrap_err();
    assert!(
        matches!(&other, ArrayError::Unrecognised { text, .. } if text == "what?\n"),
        "{other}"
    );
}
