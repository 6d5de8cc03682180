//! Runs the self tests of a configuration against its own rules, without a network, at each load.

use std::rc::Rc;
use std::time::Duration;

use super::denial::Denial;
use super::principal::{Identity, Principal, TrustedClaims};
use super::requirement::{RequestView, Requirement};
use super::unmet::Unmet;
use super::{Policy, Rule, Variables};
use crate::config::{ConfigError, ProviderId, SelfTest, TestEntry};
use crate::credential::Location;
use crate::headers::Headers;
use crate::jose::ClaimSet;
use crate::names::Names;
use crate::services::{Answer, Ask, Attributes, Question, ServiceStore};
use crate::time::{Now, UnixTime};

/// Questions that one test may ask: each rule has fewer, also where it asks them of each reading.
const QUESTIONS: usize = 64 * 32;

impl Policy {
    /// Holds each test against the rules.
    ///
    /// # Errors
    /// The first test that fails, with what was expected and what the rules said; or that cannot be made.
    pub fn try_tests(&self, tests: &[SelfTest]) -> Result<(), ConfigError> {
        for (index, test) in tests.iter().enumerate() {
            let at = format!("tests[{index}]");
            let (rule, outcome) = self.try_test(test).map_err(|error| error.within(&at))?;
            let expected = &test.expect;
            let status = outcome.err().map(Denial::status);
            let rule_fits = expected.rule.is_none() || expected.rule.as_deref() == rule;
            if status == expected.status && rule_fits {
                continue;
            }
            let said = match outcome {
                Ok(()) => "it is allowed".to_owned(),
                Err(denial) => format!(
                    "it is refused with {} ({})",
                    denial.status(),
                    denial.reason()
                ),
            };
            let by = rule.map_or_else(|| "by no rule".to_owned(), |rule| format!("by {rule}"));
            let wanted = match (expected.status, &expected.rule) {
                (None, None) => "that it is allowed".to_owned(),
                (None, Some(rule)) => format!("that {rule} allows it"),
                (Some(status), None) => format!("that it is refused with {status}"),
                (Some(status), Some(rule)) => format!("that {rule} refuses it with {status}"),
            };
            return Err(ConfigError::new(
                at,
                format!(
                    "\"{}\" fails: {said} {by}, and the test expects {wanted}",
                    test.name
                ),
            ));
        }
        Ok(())
    }

    /// The rule that a test's request comes to, and whether it lets the caller pass.
    ///
    /// # Errors
    /// Where the test does not say enough, with the place within it.
    pub fn try_test<'p>(
        &'p self,
        test: &SelfTest,
    ) -> Result<(Option<&'p str>, Result<(), Denial>), ConfigError> {
        let caller = self.caller_of(test)?;
        let mut pairs = vec![
            (":method", test.request.method.as_deref().unwrap_or("GET")),
            (":authority", test.request.host.as_str()),
            (":path", test.request.path.as_str()),
        ];
        pairs.extend(
            test.request
                .headers
                .iter()
                .map(|(name, value)| (name, value.as_str())),
        );
        let head = Headers::from_pairs(&pairs);
        let head = self.rewrite(&head).unwrap_or(head);
        let (rule, variables) = match self.find(&head) {
            Ok(found) => found,
            Err(denial) => return Ok((None, Err(denial))),
        };
        let outcome = match (&rule.requirement, caller) {
            (Requirement::Public, _) => Ok(()),
            // A credential of a provider that the rule does not take is none.
            (_, Some((id, _))) if !rule.accepted.contains(&id) => {
                self.judge(test, rule, &variables, &head, None)?
            }
            (_, Some((id, _))) if self.is_foreign(id, &head) => Err(Denial::CrossSite),
            (_, caller) => self.judge(test, rule, &variables, &head, caller)?,
        };
        Ok((Some(&rule.name), outcome))
    }

    /// Whether a provider's credential would not count for where the request comes from: the test's headers show where it
    /// stands, or it can only be what browsers send by themselves.
    fn is_foreign(&self, id: ProviderId, head: &Headers) -> bool {
        let Some(provider) = self.provider(id) else {
            return false;
        };
        let mut places = provider.locations.iter();
        let shown = places.by_ref().find(|place| place.is_used(head));
        let refuses = |place: &Location| !provider.csrf.admits(place, head);
        match shown {
            Some(place) => refuses(place),
            None => provider.locations.iter().all(refuses),
        }
    }

    /// Who makes a test's request; `None` for nobody.
    ///
    /// # Errors
    /// As [`Self::try_test`].
    pub fn caller_of(
        &self,
        test: &SelfTest,
    ) -> Result<Option<(ProviderId, Rc<ClaimSet>)>, ConfigError> {
        let claims = match (&test.claims, test.anonymous) {
            (None, true) => return Ok(None),
            (Some(claims), false) => claims,
            _ => {
                return Err(ConfigError::new(
                    "",
                    "takes one of claims and anonymous, which is true",
                ));
            }
        };
        let text = serde_json::Value::Object(claims.0.clone()).to_string();
        let claims = ClaimSet::parse(text.as_bytes()).map_err(|_| {
            ConfigError::new("claims", "a claim has another type than its name says")
        })?;
        let mut named = (0_u16..).zip(&self.providers);
        let id = match (&test.provider, self.providers.len()) {
            (None, 1) => Some(0),
            (None, _) => None,
            (Some(name), _) => named
                .find(|(_, provider)| provider.name == *name)
                .map(|(id, _)| id),
        };
        id.map(|id| Some((ProviderId(id), Rc::new(claims))))
            .ok_or_else(|| {
                ConfigError::unknown(
                    "provider",
                    "says which provider vouches for the caller",
                    self.providers.iter().map(|provider| provider.name.as_str()),
                )
            })
    }

    fn judge(
        &self,
        test: &SelfTest,
        rule: &Rule,
        variables: &Variables,
        head: &Headers,
        caller: Option<(ProviderId, Rc<ClaimSet>)>,
    ) -> Result<Result<(), Denial>, ConfigError> {
        let view = RequestView {
            rule: &rule.name,
            variables,
            head,
            readings: &self.decided(rule, head),
        };
        let now = Now::on(UnixTime::from_secs(0));
        let mut services = ServiceStore::new(&self.services, QUESTIONS, [0; 32]);
        for _ in 0..QUESTIONS {
            let asked = {
                let mut principal = caller.as_ref().and_then(|(id, claims)| {
                    let provider = self.provider(*id)?;
                    let vouched = TrustedClaims::claims_of(Rc::clone(claims));
                    let identity = Rc::new(Identity::new(provider, vouched));
                    Some(Principal::new(*id, provider, identity, &services, now))
                });
                match rule.check(principal.as_mut(), &view) {
                    Ok(()) => return Ok(Ok(())),
                    Err(Unmet::Denied(denial)) => return Ok(Err(denial)),
                    Err(Unmet::Pending(pending)) => pending,
                }
            };
            let until = now.mono.plus(Duration::from_secs(1));
            for question in asked.questions() {
                services.settle(question, answer(test, question)?, until, now.mono);
            }
        }
        Err(ConfigError::new("", "asks without an end"))
    }
}

fn answer(test: &SelfTest, question: &Question) -> Result<Answer, ConfigError> {
    match (&question.ask, test.decision) {
        (Ask::Decision { .. }, Some(true)) => Ok(Answer::Permits),
        (Ask::Decision { .. }, Some(false)) => Ok(Answer::Refuses),
        (Ask::Decision { .. }, None) => Err(ConfigError::new(
            "",
            format!(
                "\"{}\" depends on a decision point: say what it decides, \"decision\": true or false",
                test.name
            ),
        )),
        _ => {
            let TestEntry {
                groups,
                roles,
                permissions,
            } = test.directory.clone();
            let list = |names: Vec<String>| Rc::new(Names::from(names.as_slice()));
            Ok(Answer::Attributes(Rc::new(Attributes {
                groups: list(groups),
                roles: list(roles),
                permissions: list(permissions),
                ..Attributes::default()
            })))
        }
    }
}
