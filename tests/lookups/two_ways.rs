//! Two backends that replicate between the same arrays, each in a way of its own.

use super::*;
use crate::rig::arrays::{HOME, witnessed};

fn paired() -> Value {
    json!({ "backend": "paired", "replicationGroup": "pair", "size": "1" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_belongs_to_the_backend_that_replicates_in_the_way_of_its_group() {
    let arrays = Arrays::start_with(|toml| witnessed(&toml)).await;
    let machines = ["host1", "host2", "host3", "host4"].map(|name| {
        let machine = arrays.machine(name);
        machine.add_paired();
        machine
    });
    let [host1, host2, host3, host4] = &machines;
    let backends = ["DEFAULT", "mirrored", "paired"];
    let maker = start(host1, &backends);
    create(&maker, "db1", replicated()).await;
    create(&maker, "ledger", paired()).await;
    let expected = [("db1", "mirrored"), ("ledger", "paired")];

    let plugin = start(host2, &backends);
    assert_eq!(plugin.list().await, ["db1", "ledger"]);
    for (name, backend) in expected {
        assert_eq!(inspect(&plugin, name).await["Status"]["backend"], backend);
    }

    // By name as in a listing.
    no_listings(&arrays);
    let plugin = Plugin::start(host3);
    for (name, backend) in expected {
        assert_eq!(inspect(&plugin, name).await["Status"]["backend"], backend);
    }

    // And by the copies, while the volumes' own array is lost.
    arrays.control.clear_faults();
    arrays.control.down(HOME).await.unwrap();
    let plugin = Plugin::start(host4);
    for (name, backend) in expected {
        until("the volume", || {
            plugin.log().contains(&format!("volume={name} "))
        });
        assert_eq!(inspect(&plugin, name).await["Status"]["backend"], backend);
    }
}
