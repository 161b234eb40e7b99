//! What goes wrong between the requests, and what is put right again.

use super::{
    plan::Event,
    rig::arrays::{HOME, PEER},
    site::Site,
};

impl Site {
    /// Lets it happen. What belongs to the requests themselves ([`Event::Kill`]) does so with them.
    pub async fn happen(&mut self, event: &Event) {
        let control = self.arrays.control.clone();
        match event {
            Event::CutLinks => control.cut_links(HOME, PEER).unwrap(),
            Event::RestoreLinks => control.restore_links(HOME, PEER).unwrap(),
            Event::Down(array) => control.down(array).await.unwrap(),
            Event::Up(array) => control.up(array).await.unwrap(),
            Event::CutWitness(array) => control.cut_witness(array).unwrap(),
            Event::RestoreWitness(array) => control.restore_witness(array).unwrap(),
            Event::Fault(fault) => control.fault(fault.clone()).unwrap(),
            Event::Kill { .. } => {}
            Event::Over(group) => self.step_over(group).await,
            Event::Home(group) => self.step_home(group).await,
        }
        match event {
            Event::CutLinks | Event::Down(_) | Event::CutWitness(_) => self.outages += 1,
            Event::RestoreLinks | Event::Up(_) | Event::RestoreWitness(_) => self.outages -= 1,
            Event::Fault(_) | Event::Kill { .. } | Event::Over(_) | Event::Home(_) => return,
        }
        self.run.clear();
    }

    /// Nothing is out any more.
    pub async fn clear_up(&mut self) {
        let control = &self.arrays.control;
        control.clear_faults();
        control.release();
        control.restore_links(HOME, PEER).unwrap();
        for array in [HOME, PEER] {
            control.up(array).await.unwrap();
            control.restore_witness(array).unwrap();
        }
        self.outages = 0;
    }
}
