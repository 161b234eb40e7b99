//! One virtual minute: events, requests of both hosts at once, and then what must be true.

use super::{
    life::Is,
    plan::{Event, Round, Verb},
    requests::{Answer, Asked},
    rig::arrays::HOME,
    site::Site,
    volumes::ALL,
};

/// A round is at least so many virtual seconds.
const MINUTE: i64 = 60;

impl Site {
    pub async fn run(&mut self, round: Round) {
        let until = self.arrays.control.now() + MINUTE;
        let commands = self.arrays.control.log(None).len();
        for event in &round.begins {
            self.happen(event).await;
        }
        let deaths: Vec<(usize, usize)> = round
            .begins
            .iter()
            .filter_map(|event| match event {
                Event::Kill { host, after } => Some((*host, commands + after)),
                _ => None,
            })
            .collect();
        let asked = self.prepare(&round.requests);
        let answers = self.ask_all(&asked, &deaths).await;
        for (host, _) in &deaths {
            self.hosts[*host].restart();
        }
        self.arrays.control.clear_faults();
        self.arrays.control.release();
        self.take_in(&asked, &answers);
        for (asked, answer) in asked.iter().zip(answers) {
            let died = deaths.iter().any(|(host, _)| *host == asked.host);
            self.note(asked, answer, died).await;
        }
        self.look().await;
        let rest = until - self.arrays.control.now();
        self.arrays
            .control
            .advance(u32::try_from(rest.max(1)).unwrap());
    }

    /// What the answers tell of which volumes there are, and so of what is in them.
    fn take_in(&mut self, asked: &[Asked], answers: &[Answer]) {
        // Without its array a host answers from what it knows, and another one may have removed that since.
        let certain = self.shown().is_up(HOME);
        let all = asked.iter().zip(answers);
        let all = all.filter(|(asked, _)| certain || asked.verb != Verb::Create);
        let replies = all.map(|(asked, answer)| (asked.verb, asked.volume, &answer.reply));
        self.life.take_in(replies);
        for (volume, _) in ALL {
            let removed = asked
                .iter()
                .any(|asked| asked.verb == Verb::Remove && asked.volume == volume);
            match self.life.of(volume) {
                Is::Gone => self.content.forget(volume),
                Is::Unknown => self.content.may_be_blank(volume),
                Is::There if removed => self.content.may_be_blank(volume),
                Is::There => {}
            }
        }
    }
}
