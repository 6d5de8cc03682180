//! A process: VMs, the services that they call, and a clock that only the test moves.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::fixture::START;
use crate::message::Request;
use crate::personality::Personality;
use crate::stream::{Answer, Fate, Stream};
use crate::vm::Vm;
use crate::world::{MEMORY, World};

/// How exact the clock is, in milliseconds: no timer is shorter.
pub(crate) const STEP: u64 = 50;

/// A request of a process: which VM has it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(usize, usize);

/// A running process.
pub(crate) struct Process {
    pub(crate) host: Personality,
    world: Rc<RefCell<World>>,
    vms: Vec<Vm>,
    fates: BTreeMap<Id, Fate>,
    /// By VM and its own number.
    numbers: BTreeMap<(usize, u32), Id>,
}

impl Process {
    /// A process with so many VMs under one configuration, which is made for Envoy and fitted to the host.
    pub(crate) fn start(host: Personality, vms: usize, config: &Value) -> Self {
        Self::start_with(host, vms, config, |_| ())
    }

    /// The same with a world that is prepared before the VMs start.
    pub(crate) fn start_with(
        host: Personality,
        vms: usize,
        config: &Value,
        prepare: impl FnOnce(&mut World),
    ) -> Self {
        Self::launch(host, vms, &fitted(host, config), prepare)
    }

    /// A process with one VM under this very configuration.
    pub(crate) fn start_as_it_is(host: Personality, config: &Value) -> Self {
        Self::launch(host, 1, config, |_| ())
    }

    fn launch(
        host: Personality,
        vms: usize,
        config: &Value,
        prepare: impl FnOnce(&mut World),
    ) -> Self {
        let mut world = World {
            now: *START * 1000,
            memory: MEMORY,
            clusters: ["idp", "people", "pdp"].map(str::to_owned).into(),
            ..World::default()
        };
        prepare(&mut world);
        let world = Rc::new(RefCell::new(world));
        let configuration = config.to_string();
        let vms = (0..vms)
            .map(|index| Vm::new(host, &world, index, configuration.as_bytes()))
            .collect();
        Self {
            host,
            world,
            vms,
            fates: BTreeMap::new(),
            numbers: BTreeMap::new(),
        }
    }

    pub(crate) fn world(&self) -> Ref<'_, World> {
        self.world.borrow()
    }

    pub(crate) fn world_mut(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }

    pub(crate) fn vm(&mut self, vm: usize) -> &mut Vm {
        &mut self.vms[vm]
    }

    /// Sends a request to the first VM.
    pub(crate) fn send(&mut self, request: Request) -> Id {
        self.send_to(0, request)
    }

    /// Sends a request to a VM.
    pub(crate) fn send_to(&mut self, vm: usize, request: Request) -> Id {
        let (number, fate) = self.vms[vm].request(request);
        let id = Id(vm, self.fates.len());
        self.numbers.insert((vm, number), id);
        self.fates.insert(id, fate);
        self.look();
        let fate = &self.fates[&id];
        if let Fate::Refused(answer) = fate {
            assert!(answer.status >= 400, "{answer:?}");
        }
        id
    }

    /// Sends a request to the first VM and lets time pass until it has its answer.
    pub(crate) fn ask(&mut self, request: Request) -> Id {
        let id = self.send(request);
        for _ in 0..400 {
            if !matches!(self.fates[&id], Fate::Held) {
                break;
            }
            self.pass(STEP);
        }
        id
    }

    /// The client of a request goes away.
    pub(crate) fn leave(&mut self, id: Id) {
        let number = self.numbers.iter().find(|(_, held)| **held == id);
        let (vm, number) = *number.unwrap().0;
        self.vms[vm].leave(number);
        self.fates.insert(id, Fate::Host(499));
    }

    /// Milliseconds pass: answers arrive and timers are due.
    pub(crate) fn pass(&mut self, millis: u64) {
        let end = self.world().now + millis;
        while self.world().now < end {
            self.world_mut().now += STEP;
            self.land();
            for vm in 0..self.vms.len() {
                let (now, tickers) = (self.world().now, self.world().tickers[vm].clone());
                for period in tickers.into_iter().filter(|period| *period > 0) {
                    if now.is_multiple_of(u64::from(period).max(STEP)) {
                        self.vms[vm].tick();
                        self.look();
                    }
                }
            }
        }
    }

    fn land(&mut self) {
        loop {
            let next = {
                let mut world = self.world_mut();
                let now = world.now;
                let at = world
                    .flights
                    .iter()
                    .position(|flight| flight.arrives <= now);
                at.map(|at| world.flights.remove(at))
            };
            let Some(flight) = next else { return };
            self.vms[flight.vm].answer(&flight);
            self.look();
        }
    }

    /// Notes what became of requests that waited.
    fn look(&mut self) {
        for (vm, held) in self.vms.iter_mut().enumerate() {
            for number in held.open() {
                if held.is_dead() {
                    let id = self.numbers[&(vm, number)];
                    if matches!(self.fates[&id], Fate::Held) {
                        self.fates.insert(id, Fate::Host(500));
                    }
                    continue;
                }
                let fate = held.settle(number);
                if !matches!(fate, Fate::Held) {
                    self.fates.insert(self.numbers[&(vm, number)], fate);
                }
            }
        }
    }

    /// Keeps nothing of a request that is over.
    pub(crate) fn forget(&mut self, id: Id) {
        self.numbers.retain(|_, held| *held != id);
        self.fates.insert(id, Fate::Host(0));
        let mut world = self.world_mut();
        world.log.clear();
        world.sent.clear();
    }

    pub(crate) fn fate(&self, id: Id) -> &Fate {
        &self.fates[&id]
    }

    /// The status that the client sees: 200 for what went upstream, 0 for what waits.
    pub(crate) fn status(&self, id: Id) -> u16 {
        match self.fate(id) {
            Fate::Forwarded(_) => 200,
            Fate::Held => 0,
            Fate::Host(status) => *status,
            Fate::Refused(answer) => answer.status,
        }
    }

    /// The request as it went upstream.
    #[track_caller]
    pub(crate) fn forwarded(&self, id: Id) -> &Stream {
        match self.fate(id) {
            Fate::Forwarded(stream) => stream,
            other => panic!("{:?}: {other:?}\n{:#?}", self.host, self.world().log),
        }
    }

    /// The headers that the upstream got.
    #[track_caller]
    pub(crate) fn arrived(&self, id: Id) -> Vec<(String, String)> {
        self.forwarded(id).arrived(self.host)
    }

    /// The values of a header that the upstream got.
    #[track_caller]
    pub(crate) fn upstream(&self, id: Id, name: &str) -> Vec<String> {
        let headers = self.arrived(id).into_iter();
        let of_name = headers.filter(|(held, _)| held == name);
        of_name.map(|(_, value)| value).collect()
    }

    /// The filter's answer.
    #[track_caller]
    pub(crate) fn refused(&self, id: Id) -> &Answer {
        match self.fate(id) {
            Fate::Refused(answer) => answer,
            other => panic!("{:?}: {other:?}\n{:#?}", self.host, self.world().log),
        }
    }

    /// Nothing trapped, and nothing was done that a host forbids.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        let world = self.world();
        assert!(world.forbidden.is_empty(), "{:#?}", world.forbidden);
        assert!(world.traps.is_empty(), "{:#?}", world.traps);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let forbidden = &self.world.borrow().forbidden;
        if !std::thread::panicking() {
            assert!(forbidden.is_empty(), "{forbidden:#?}");
        }
    }
}

/// The configuration as an operator of this host writes it.
fn fitted(host: Personality, config: &Value) -> Value {
    let mut config = config.clone();
    if let Personality::Nginx {
        shared_data,
        strips_headers,
    } = host
    {
        let nginx = json!({ "shared_data": shared_data, "strips_headers": strips_headers });
        config["nginx"] = nginx;
        let providers = config
            .get_mut("providers")
            .and_then(Value::as_object_mut)
            .filter(|_| !strips_headers);
        for provider in providers.into_iter().flat_map(|all| all.values_mut()) {
            provider["forward"] = json!(true);
        }
    }
    config
}
