//! Active/Passive: an administrator fails the group over, and the container is started again from the other array, and home again.

use crate::{
    run::Scenario,
    stage::{AMBER, BIRCH, Replication, Stage},
};

pub const SCENARIOS: &[Scenario<Stage>] = &[(
    "an_array_dies_and_the_group_comes_home",
    an_array_dies_and_the_group_comes_home,
)];

const GROUP: &str = "site";

fn an_array_dies_and_the_group_comes_home(stage: &mut Stage) {
    let there = AMBER.name_there(GROUP);
    stage.create("db", Replication::ActivePassive, GROUP);
    stage.until_synced(AMBER, GROUP, "Primary");
    stage.start("db", "");
    stage.exec("db", "echo at home > /data/1 && sync");

    stage.power_off(AMBER);
    stage.docker("rm -f db");
    stage.administer(BIRCH, &format!("setrcopygroup failover -f {there}"));
    stage.until_role(BIRCH, &there, "Primary-Rev");
    stage.start("db", "");
    assert_eq!(stage.exec("db", "cat /data/1"), "at home\n");
    stage.exec("db", "echo at the other one > /data/2 && sync");

    stage.power_on(AMBER);
    stage.docker("rm -f db");
    stage.administer(BIRCH, &format!("setrcopygroup recover -f {there}"));
    stage.until_synced(BIRCH, &there, "Primary-Rev");
    stage.administer(BIRCH, &format!("setrcopygroup restore -f {there}"));
    stage.until_synced(AMBER, GROUP, "Primary");
    stage.start("db", "");
    assert_eq!(
        stage.exec("db", "cat /data/1 /data/2"),
        "at home\nat the other one\n"
    );
    stage.clear("db");
    stage.nothing_left();
}
