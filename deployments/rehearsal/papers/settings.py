"""Settings, evidence of drills, the build's workflow and the API's description, of a healthy system."""

import json
from datetime import datetime

from tminus.clock import now

APPLICATION = """\
# Settings of the services, as they are deployed.
defaults: &pool
  timeout: 30s
database:
  pool:
    <<: *pool
    min: 20
    max: 100
redis:
  pool: {min: 10, max: 50}
  max_memory: 512Mi
logging: {level: info, format: json, keep: 30d}
rate_limit: {requests_per_minute: 100, per: user}
tracing: {sampler: parentbased_jaeger_remote, share: 0.1}
websocket:
  batch: {max_messages: 50, max_wait: 50ms}
request: {max_body: 1MiB, timeout: 30s}
cache: {hit_target: 85%, ttl: 1h30m}
features: [orders, risk, withdrawals]
"""
JAEGER = """\
extensions:
  jaeger_storage:
    backends:
      main:
        badger:
          ttl:
            spans: 168h
"""
JAEGER_ACCESS = "allowed_groups: [on-call]\n"
EXTERNAL_STORE = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vatic}
spec:
  provider:
    aws:
      service: SecretsManager
      region: eu-central-1
"""
WORKFLOW = """\
name: build
on: [push]
env:
  COVERAGE_MINIMUM: 80
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: pytest --junitxml tests/unit.xml --cov --cov-branch --cov-fail-under=$COVERAGE_MINIMUM
      - run: pip-audit --format json --output scans/pip-audit.json
"""
WORKER_ENV = """\
# The worker's settings; secrets are references.
export QUEUE_WAIT="15s"
LOG_LEVEL=info  # debug is for the staging environment
"""
REDIS_CONF = """\
appendonly yes
appendfsync everysec
maxmemory 2gb
"""
SERVICE_TOML = """\
[service]
replicas = 3
released = 2026-01-05T10:00:00Z
"""


def evidence(finished: datetime) -> dict[str, str]:
    """What drills, restores and deployments measured."""
    at = finished.isoformat()
    part = {"status": "recovered", "seconds": 41.5, "confirmed_writes_lost": 0}
    drill = {"status": "recovered", "recovery_seconds": 1260, "loss_seconds": 0, "steps_failed": 0, "finished_at": at}
    deployed = {"status": "succeeded", "replicas_unavailable": 0, "finished_at": at}
    return {
        "evidence/drill.json": json.dumps(drill),
        "evidence/failover.json": json.dumps({"database": part, "kafka": part, "redis": part, "finished_at": at}),
        "evidence/restore.json": json.dumps(
            {"status": "restored", "seconds": 540, "rows_missing": 0, "steps_failed": 0, "finished_at": at}
        ),
        "evidence/capacity.json": json.dumps({"breaking_point": {"users": 8200, "errors": "2.4%"}, "measured_at": at}),
        "evidence/staging-deployment.json": json.dumps(deployed),
        "evidence/production-deployment.json": json.dumps(deployed),
    }


def settings() -> dict[str, str]:
    """The files of settings, in each of the formats."""
    return {
        "settings/application.yaml": APPLICATION,
        "settings/jaeger.yaml": JAEGER,
        "settings/jaeger-access.yaml": JAEGER_ACCESS,
        "settings/secret-store.yaml": EXTERNAL_STORE,
        "settings/worker.env": WORKER_ENV,
        "settings/redis.conf": REDIS_CONF,
        "settings/service.toml": SERVICE_TOML,
        "settings/manifests.yaml": f"{JAEGER_ACCESS}---\n{EXTERNAL_STORE}",
        "ci/workflow.yaml": WORKFLOW,
        **evidence(now()),
    }


OPENAPI = """\
openapi: 3.0.3
info: {title: Vatic, version: 2.0.0}
security:
  - bearer: []
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer, bearerFormat: JWT}
  parameters:
    Id:
      name: id
      in: path
      required: true
      schema: {type: string, format: uuid}
  schemas:
    Order:
      type: object
      required: [symbol, quantity]
      additionalProperties: false
      properties:
        symbol: {type: string, maxLength: 12}
        quantity: {type: number, exclusiveMinimum: true, minimum: 0}
    Login:
      type: object
      required: [email, password]
      properties:
        email: {type: string, format: email}
        password: {type: string, minLength: 12}
paths:
  /auth/login:
    post:
      summary: Gives a token for a password
      security: []
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Login'}
      responses:
        '200': {description: a token}
        '401': {description: the password is wrong}
  /orders:
    get:
      summary: Lists the customer's orders
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 100}}
      responses:
        '200': {description: a page of orders}
    post:
      summary: Places an order
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Order'}
      responses:
        '201': {description: the order}
  /orders/{id}:
    parameters:
      - {$ref: '#/components/parameters/Id'}
    get:
      summary: Shows one order
      responses:
        '200': {description: the order}
        '404': {description: there is no such order}
"""
