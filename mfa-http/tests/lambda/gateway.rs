//! The gateways in front of the function: events as AWS documents them, and responses to clients.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

/// A request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without the deployment's prefix, with the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    /// Whether the gateway treats the body as binary.
    pub(crate) binary: bool,
    /// The client's address.
    pub(crate) source: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gateway {
    /// A REST API at its own address: the stage is in the URL, but not in the event's path.
    Rest,
    /// A REST API at a custom domain with a base path.
    RestBelowBasePath,
    /// An HTTP API with a stage, which is in the event's path, and one route for everything.
    HttpWithStage,
    /// An HTTP API at a custom domain with a base path, and the route `ANY /{proxy+}`.
    HttpBelowBasePath,
    /// An HTTP API on its default stage that sends events of the first format.
    HttpWithFirstFormat,
    FunctionUrl,
}

impl Gateway {
    pub(crate) const ALL: [Self; 6] = [
        Self::Rest,
        Self::RestBelowBasePath,
        Self::HttpWithStage,
        Self::HttpBelowBasePath,
        Self::HttpWithFirstFormat,
        Self::FunctionUrl,
    ];

    /// The event of a request.
    pub(crate) fn event(self, request: &Request) -> Value {
        match self {
            Self::Rest | Self::RestBelowBasePath | Self::HttpWithFirstFormat => self.first_format(request),
            Self::HttpWithStage | Self::HttpBelowBasePath | Self::FunctionUrl => self.second_format(request),
        }
    }

    fn first_format(self, request: &Request) -> Value {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        // As deploy/aws has it.
        let literal = matches!(path, "/api-key" | "/api-key/activate" | "/api-key/rotate");
        let (resource, parameters) = match path.strip_prefix("/api-key/") {
            _ if self == Self::HttpWithFirstFormat => ("$default", Value::Null),
            _ if literal => (path, Value::Null),
            Some(rest) => ("/api-key/{proxy+}", json!({"proxy": rest})),
            None => ("/{proxy+}", json!({"proxy": path.trim_matches('/')})),
        };
        let (base, stage) = match self {
            Self::RestBelowBasePath => ("/apps/mfa", "prod"),
            Self::HttpWithFirstFormat => ("", "$default"),
            _ => ("", "prod"),
        };
        let (mut last, mut all) = (Map::new(), Map::new());
        for (name, value) in &request.headers {
            last.insert(name.clone(), json!(value));
            let values = all.entry(name.clone()).or_insert_with(|| json!([]));
            values.as_array_mut().unwrap().push(json!(value));
        }
        let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let one: Map<_, _> = pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let many: Map<_, _> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
        json!({
            "version": "1.0",
            "resource": resource,
            "path": format!("{base}{path}"),
            "httpMethod": request.method,
            "headers": last,
            "multiValueHeaders": all,
            "queryStringParameters": if one.is_empty() { Value::Null } else { one.into() },
            "multiValueQueryStringParameters": if many.is_empty() { Value::Null } else { many.into() },
            "pathParameters": parameters,
            "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "1234567890",
                "domainName": "1234567890.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "1234567890",
                "extendedRequestId": "request-id",
                "httpMethod": request.method,
                "identity": {
                    "accessKey": null, "accountId": null, "caller": null,
                    "cognitoAuthenticationProvider": null, "cognitoAuthenticationType": null,
                    "cognitoIdentityId": null, "cognitoIdentityPoolId": null, "principalOrgId": null,
                    "sourceIp": request.source, "user": null, "userAgent": "idp-id-broker", "userArn": null,
                },
                "path": format!("/{stage}{path}"),
                "protocol": "HTTP/1.1",
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "requestTime": "09/Apr/2015:12:34:56 +0000",
                "requestTimeEpoch": 1_428_582_896_000_u64,
                "resourceId": "123456",
                "resourcePath": resource,
                "stage": stage,
            },
            "body": self.body(request),
            "isBase64Encoded": request.binary,
        })
    }

    fn second_format(self, request: &Request) -> Value {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let (base, stage, route) = match self {
            Self::HttpWithStage => ("/prod", "prod", "$default"),
            Self::HttpBelowBasePath => ("/apps/mfa", "prod", "ANY /{proxy+}"),
            _ => ("", "$default", "$default"),
        };
        let path = format!("{base}{path}");
        let mut headers: Map<String, Value> = Map::new();
        for (name, value) in &request.headers {
            // Names are lower case, and repeated headers are joined.
            let name = name.to_lowercase();
            let value = headers
                .get(&name)
                .map_or_else(|| value.clone(), |given| format!("{},{value}", given.as_str().unwrap()));
            headers.insert(name, json!(value));
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api-id",
                "domainName": "id.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "id",
                "http": {
                    "method": request.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": request.source,
                    "userAgent": "idp-id-broker",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": route,
                "stage": stage,
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_583_348_638_390_u64,
            },
            "isBase64Encoded": request.binary,
        });
        if self == Self::HttpBelowBasePath {
            let proxy = path.strip_prefix(base).unwrap().trim_matches('/');
            event["pathParameters"] = json!({"proxy": proxy});
        }
        if let Some(body) = self.body(request) {
            event["body"] = json!(body);
        }
        event
    }

    fn body(self, request: &Request) -> Option<String> {
        let body = request.body.as_ref()?;
        Some(if request.binary { BASE64.encode(body.as_bytes()) } else { body.clone() })
    }

    /// The client's view of a response: status, headers, body.
    pub(crate) fn answer(self, answer: &Value) -> (u16, Value, Value) {
        let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
        assert_eq!(answer["isBase64Encoded"], false, "all our answers are text");
        let first_format = self.event(&Request::default())["version"] == "1.0";
        let headers = if first_format { &answer["multiValueHeaders"] } else { &answer["headers"] };
        let body = match answer["body"].as_str().unwrap_or_default() {
            "" => Value::Null,
            body => serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {body}")),
        };
        (status, headers.clone(), body)
    }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: vec![
                ("Host".to_owned(), "id.execute-api.us-east-1.amazonaws.com".to_owned()),
                ("X-Forwarded-For".to_owned(), "203.0.113.9".to_owned()),
                ("X-Forwarded-Proto".to_owned(), "https".to_owned()),
            ],
            body: None,
            binary: false,
            source: "192.0.2.1".to_owned(),
        }
    }
}
