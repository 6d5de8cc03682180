//! Providers and the key sets that they share.

use std::rc::Rc;
use std::time::Duration;

use crate::config::{
    self, ConfigError, DurationText, FromGroups, OneOrMany, ProviderKind, TokenUse,
};
use crate::jose::{Algorithm, AlgorithmSet, KeySet, KeySetLimits, TimeRules};
use crate::json::{ClaimPath, UniqueMap};
use crate::keys::{KeySource, Schedule};
use crate::policy::KeySourceId;
use crate::policy::provider::{Audience, Identity, Keys, Provider, Source};

/// Providers, the key sets they fetch, and what an operator should be warned of.
pub(super) struct Compiled {
    pub(super) providers: Vec<Provider>,
    pub(super) sources: Vec<KeySource>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn compile(providers: &UniqueMap<config::Provider>) -> Result<Compiled, ConfigError> {
    let mut compiled = Compiled {
        providers: Vec::new(),
        sources: Vec::new(),
        warnings: Vec::new(),
    };
    if u16::try_from(providers.len()).is_err() {
        return Err(ConfigError::new("providers", "too many providers"));
    }
    for (name, provider) in providers.iter() {
        let at = format!("providers.{name}");
        let provider = compiled.provider(&at, name, provider)?;
        compiled.providers.push(provider);
    }
    Ok(compiled)
}

impl Compiled {
    fn provider(
        &mut self,
        at: &str,
        name: &str,
        provider: &config::Provider,
    ) -> Result<Provider, ConfigError> {
        refuse_foreign_keys(at, provider)?;
        let (issuers, audience, token_use) = match provider.kind {
            ProviderKind::Cognito => cognito(at, provider)?,
            ProviderKind::Jwt => jwt(at, provider)?,
        };
        if audience == Audience::Unchecked {
            self.warnings
                .push(format!("{at}: tokens for any audience are accepted"));
        }
        if issuers.is_empty() {
            self.warnings.push(format!(
                "{at}: tokens of any issuer are accepted that one of the keys has signed"
            ));
        }
        Ok(Provider {
            name: name.to_owned(),
            keys: self.keys(at, provider, issuers.first().map(String::as_str))?,
            issuers: issuers.into(),
            audience,
            algorithms: algorithms(at, provider)?,
            times: TimeRules {
                clock_skew: provider
                    .clock_skew
                    .map_or(Duration::from_secs(60), |skew| skew.0),
                require_expiration: provider.require_expiration.unwrap_or(true),
                max_lifetime: provider.max_lifetime.map(|lifetime| lifetime.0),
            },
            token_types: listed(
                &format!("{at}.token_types"),
                provider.token_types.as_deref(),
            )?
            .into(),
            token_use,
            forward: provider.forward,
            identity: identity(at, provider)?,
        })
    }

    fn keys(
        &mut self,
        at: &str,
        provider: &config::Provider,
        issuer: Option<&str>,
    ) -> Result<Keys, ConfigError> {
        let at = format!("{at}.jwks");
        let empty = config::Jwks::default();
        let jwks = match (&provider.jwks, provider.kind) {
            (Some(jwks), _) => jwks,
            (None, ProviderKind::Cognito) => &empty,
            (None, ProviderKind::Jwt) => {
                return Err(ConfigError::new(
                    at,
                    "this key is missing: where the keys come from",
                ));
            }
        };
        if let Some(inline) = &jwks.inline {
            if jwks.uri.is_some() || jwks.upstream.is_some() {
                return Err(ConfigError::new(
                    at,
                    "takes either inline or uri and upstream",
                ));
            }
            return inline_keys(&format!("{at}.inline"), &inline.0);
        }
        let uri = match (&jwks.uri, provider.kind, issuer) {
            (Some(uri), _, _) => uri.clone(),
            (None, ProviderKind::Cognito, Some(issuer)) => {
                format!("{issuer}/.well-known/jwks.json")
            }
            _ => return Err(ConfigError::new(at, "takes inline, or uri and upstream")),
        };
        let source = source(&at, jwks, &uri)?;
        let same =
            |known: &KeySource| known.uri() == source.uri() && known.upstream == source.upstream;
        let index = self.sources.iter().position(same).unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len().saturating_sub(1)
        });
        u16::try_from(index)
            .map(|index| Keys::Remote(KeySourceId(index)))
            .map_err(|_| ConfigError::new(at, "too many key sets"))
    }
}

/// Issuers, audience and accepted uses: what tells the kinds of provider apart.
type Vouching = (Vec<String>, Audience, Box<[&'static str]>);

fn refuse_foreign_keys(at: &str, provider: &config::Provider) -> Result<(), ConfigError> {
    let keys = [
        (
            "issuer",
            provider.issuer.is_some(),
            ProviderKind::Jwt,
            "jwt",
        ),
        (
            "audiences",
            provider.audiences.is_some(),
            ProviderKind::Jwt,
            "jwt",
        ),
        (
            "region",
            provider.region.is_some(),
            ProviderKind::Cognito,
            "cognito",
        ),
        (
            "user_pool_id",
            provider.user_pool_id.is_some(),
            ProviderKind::Cognito,
            "cognito",
        ),
        (
            "client_ids",
            provider.client_ids.is_some(),
            ProviderKind::Cognito,
            "cognito",
        ),
        (
            "token_use",
            provider.token_use.is_some(),
            ProviderKind::Cognito,
            "cognito",
        ),
    ];
    match keys
        .into_iter()
        .find(|(_, present, kind, _)| *present && *kind != provider.kind)
    {
        Some((key, _, _, kind)) => Err(ConfigError::new(
            format!("{at}.{key}"),
            format!("belongs to providers of kind \"{kind}\""),
        )),
        None => Ok(()),
    }
}

fn cognito(at: &str, provider: &config::Provider) -> Result<Vouching, ConfigError> {
    let named = |key: &str, value: &Option<String>| match value {
        Some(value)
            if !value.is_empty()
                && value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) =>
        {
            Ok(value.clone())
        }
        Some(value) => Err(ConfigError::new(
            format!("{at}.{key}"),
            format!("\"{value}\" is not one"),
        )),
        None => Err(ConfigError::new(
            format!("{at}.{key}"),
            "this key is missing",
        )),
    };
    let region = named("region", &provider.region)?;
    let pool = named("user_pool_id", &provider.user_pool_id)?;
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let clients = listed(&format!("{at}.client_ids"), provider.client_ids.as_deref())?;
    let audience = if clients.is_empty() {
        Audience::Unchecked
    } else {
        Audience::CognitoClients(clients.into())
    };
    let uses = provider.token_use.as_deref().unwrap_or(&[TokenUse::Access]);
    if uses.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.token_use"),
            "an empty list accepts no token",
        ));
    }
    let issuer = format!("https://cognito-idp.{region}.{domain}/{pool}");
    Ok((
        vec![issuer],
        audience,
        uses.iter().map(|token_use| token_use.as_str()).collect(),
    ))
}

fn jwt(at: &str, provider: &config::Provider) -> Result<Vouching, ConfigError> {
    let issuers = provider
        .issuer
        .as_ref()
        .map(|OneOrMany(issuers)| issuers.as_slice());
    let issuers = listed(&format!("{at}.issuer"), issuers)?;
    let audiences = listed(&format!("{at}.audiences"), provider.audiences.as_deref())?;
    let audience = if audiences.is_empty() {
        Audience::Unchecked
    } else {
        Audience::AnyOf(audiences.into())
    };
    Ok((issuers, audience, Box::new([])))
}

/// The values of a list that, where it is given, is not empty and has no empty values.
fn listed(at: &str, list: Option<&[String]>) -> Result<Vec<String>, ConfigError> {
    match list {
        None => Ok(Vec::new()),
        Some(list) if list.is_empty() || list.iter().any(String::is_empty) => {
            Err(ConfigError::new(
                at,
                "is empty or has an empty value; leave the key out or fill it",
            ))
        }
        Some(list) => Ok(list.to_vec()),
    }
}

fn algorithms(at: &str, provider: &config::Provider) -> Result<AlgorithmSet, ConfigError> {
    let at = format!("{at}.algorithms");
    let Some(names) = &provider.algorithms else {
        return Ok(AlgorithmSet::all_asymmetric());
    };
    let known = || Algorithm::ALL.iter().map(|algorithm| algorithm.name());
    let named = names.iter().enumerate().map(|(index, name)| {
        Algorithm::from_name(name).ok_or_else(|| {
            ConfigError::unknown(
                format!("{at}[{index}]"),
                &format!("\"{name}\" is not an algorithm"),
                known(),
            )
        })
    });
    let set: AlgorithmSet = named.collect::<Result<_, _>>()?;
    if set.is_empty() {
        Err(ConfigError::new(at, "an empty list accepts no token"))
    } else {
        Ok(set)
    }
}

fn inline_keys(at: &str, keys: &serde_json::Value) -> Result<Keys, ConfigError> {
    let set = KeySet::parse_inline(keys.to_string().as_bytes(), &KeySetLimits::default())
        .map_err(|error| ConfigError::new(at, error.to_string()))?;
    // A remote set may hold keys for others; each key of one's own is meant.
    match set.skipped().first() {
        Some(skipped) => Err(ConfigError::new(
            format!("{at}.keys[{}]", skipped.index),
            skipped.error.to_string(),
        )),
        None => Ok(Keys::Inline(Rc::new(set))),
    }
}

fn source(at: &str, jwks: &config::Jwks, uri: &str) -> Result<KeySource, ConfigError> {
    let bad = |what: &str| ConfigError::new(format!("{at}.uri"), format!("\"{uri}\" {what}"));
    let (scheme, rest) = match uri.split_once("://") {
        Some(("https", rest)) => ("https", rest),
        Some(("http", rest)) => ("http", rest),
        _ => return Err(bad("is not an http or https URI")),
    };
    let (authority, path) = rest
        .find('/')
        .and_then(|slash| rest.split_at_checked(slash))
        .unwrap_or((rest, "/"));
    if authority.is_empty()
        || !uri.bytes().all(|byte| byte.is_ascii_graphic())
        || uri.contains(['#', '@'])
    {
        return Err(bad("is not an http or https URI without user and fragment"));
    }
    let upstream = jwks
        .upstream
        .clone()
        .unwrap_or_else(|| authority.to_owned());
    if upstream.is_empty() {
        return Err(ConfigError::new(format!("{at}.upstream"), "is empty"));
    }
    let share = jwks.refresh_ahead.unwrap_or(0.8);
    if !(share > 0.0 && share <= 1.0) {
        return Err(ConfigError::new(
            format!("{at}.refresh_ahead"),
            "is a share of cache_duration above 0, and 1 at the most",
        ));
    }
    let time = |key: &str, value: Option<DurationText>, fallback: u64, least: u64| {
        let value = value.map_or_else(|| Duration::from_secs(fallback), |value| value.0);
        let least = Duration::from_millis(least);
        if value < least {
            Err(ConfigError::new(
                format!("{at}.{key}"),
                format!("is at least {}ms", least.as_millis()),
            ))
        } else {
            Ok(value)
        }
    };
    let cache_duration = time("cache_duration", jwks.cache_duration, 1200, 1000)?;
    let schedule = Schedule {
        cache_duration,
        refresh_after: cache_duration.mul_f64(share),
        stale_for: time("stale_for", jwks.stale_for, 3600, 0)?,
        unknown_kid_cooldown: time("unknown_kid_cooldown", jwks.unknown_kid_cooldown, 30, 1000)?,
        timeout: time("timeout", jwks.timeout, 5, 1)?,
    };
    Ok(KeySource {
        upstream,
        scheme,
        authority: authority.to_owned(),
        path: path.to_owned(),
        schedule,
    })
}

pub(super) fn claim_path(at: &str, claim: &str) -> Result<ClaimPath, ConfigError> {
    ClaimPath::parse(claim).map_err(|error| ConfigError::new(at, error.to_string()))
}

fn identity(at: &str, provider: &config::Provider) -> Result<Identity, ConfigError> {
    let cognito = provider.kind == ProviderKind::Cognito;
    let names: &[&str] = if cognito {
        &["username", "cognito:username", "sub"]
    } else {
        &["preferred_username", "name", "sub"]
    };
    let groups: &[&str] = if cognito { &["cognito:groups"] } else { &[] };
    let paths = |key: &str,
                 given: &Option<OneOrMany>,
                 fallback: &[&str]|
     -> Result<Box<[ClaimPath]>, ConfigError> {
        let at = format!("{at}.{key}");
        let given = listed(&at, given.as_ref().map(|OneOrMany(names)| names.as_slice()))?;
        let names = if given.is_empty() {
            fallback.iter().map(|name| (*name).to_owned()).collect()
        } else {
            given
        };
        names.iter().map(|name| claim_path(&at, name)).collect()
    };
    let sources = |key: &str,
                   given: &Option<Vec<config::Source>>,
                   fallback: &[&str]|
     -> Result<Box<[Source]>, ConfigError> {
        let at = format!("{at}.{key}");
        match given {
            Some(given) => given
                .iter()
                .enumerate()
                .map(|(index, source)| value_source(&format!("{at}[{index}]"), key, source))
                .collect(),
            None => fallback
                .iter()
                .map(|name| claim_path(&at, name).map(Source::Claim))
                .collect(),
        }
    };
    Ok(Identity {
        subject: paths("subject", &provider.subject, &["sub"])?,
        name: paths("name", &provider.name, names)?,
        email: paths("email", &provider.email, &["email"])?,
        groups: sources("groups", &provider.groups, groups)?,
        roles: sources("roles", &provider.roles, &[])?,
        permissions: sources("permissions", &provider.permissions, &[])?,
        scopes: sources("scopes", &provider.scopes, &["scope", "scp"])?,
        cognito,
    })
}

fn value_source(at: &str, key: &str, source: &config::Source) -> Result<Source, ConfigError> {
    match (&source.claim, &source.from_groups, &source.fixed) {
        (Some(claim), None, None) => claim_path(&format!("{at}.claim"), claim).map(Source::Claim),
        (None, Some(_), None) if key == "groups" => Err(ConfigError::new(
            format!("{at}.from_groups"),
            "groups cannot come from groups",
        )),
        (None, Some(FromGroups::Same), None) => Ok(Source::Groups),
        (None, Some(FromGroups::Mapped(map)), None) => Ok(Source::MappedGroups(
            map.iter()
                .map(|(group, given)| (group.to_owned(), given.clone()))
                .collect(),
        )),
        (None, None, Some(given)) => Ok(Source::Static(given.clone().into())),
        _ => Err(ConfigError::new(
            at,
            "takes exactly one of claim, from_groups, static",
        )),
    }
}
