"""A Kafka that asks who calls and what they may: TLS, SASL and access control lists."""

import argparse
import base64
import json
import shlex
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
)
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from contracts.kafka import Sasl, Secret, Security, Tls
from tests.testkit.kafka.broker import START_S_MAX, Cluster
from tests.testkit.kafka.certificates import Authority
from tests.testkit.kafka.ports import free_ports

PLAIN_USER = "tocsin-plain"
_LOGIN = "org.apache.kafka.common.security"


class LockedCluster(Cluster):
    """One node with three listeners.

    - `bootstrap` is in the clear and lets everybody do everything: for the test itself.
    - `login` speaks `SASL_SSL` with every mechanism; its certificate names `localhost` alone.
    - `mutual` speaks `SSL` and asks for a client certificate.

    Attributes
    ----------
    authority : Authority
        Signed the node's certificate.
    secret : str
        Password of the user of `PLAIN`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.authority = Authority(self._folder, "authority")
        self.secret = "plain-of-the-test"
        certificate, key = self.authority.sign("node", host="localhost")
        self._identity = self._folder / "node.pem"
        self._identity.write_bytes(key.read_bytes() + certificate.read_bytes())
        login, mutual = free_ports(2)
        self.login, self.mutual = f"localhost:{login}", f"localhost:{mutual}"

    def _properties(self, node: int) -> dict[str, str]:
        usual = super()._properties(node)
        added = f",LOGIN://{self.login},MUTUAL://{self.mutual}"
        login = "listener.name.login"
        mechanisms = {
            "scram-sha-256": f"{_LOGIN}.scram.ScramLoginModule required;",
            "scram-sha-512": f"{_LOGIN}.scram.ScramLoginModule required;",
            "plain": f'{_LOGIN}.plain.PlainLoginModule required user_{PLAIN_USER}="{self.secret}";',
            # Kafka's own validator of tokens that nobody signed.
            "oauthbearer": f"{_LOGIN}.oauthbearer.OAuthBearerLoginModule required "
            'unsecuredLoginStringClaim_sub="node";',
        }
        return usual | {
            "listeners": usual["listeners"] + added,
            "advertised.listeners": usual["advertised.listeners"] + added,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
            "LOGIN:SASL_SSL,MUTUAL:SSL",
            "sasl.enabled.mechanisms": ",".join(name.upper() for name in mechanisms),
            "connection.failed.authentication.delay.ms": "10",
            **{f"{login}.{name}.sasl.jaas.config": text for name, text in mechanisms.items()},
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._identity),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.file),
            "listener.name.mutual.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    @cached_property
    def _own(self) -> AdminClient:
        """The test's own client, which may do everything."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": "0"})

    def user(self, name: str, password: str) -> None:
        """Let a user in by SCRAM, or give him another password; back once the node knows it."""
        for kind in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            info = ScramCredentialInfo(kind, 4096)
            wanted = UserScramCredentialUpsertion(name, info, password.encode())
            self._own.alter_user_scram_credentials([wanted])[name].result(START_S_MAX)
        login: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.login,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority.file),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": name,
            "sasl.password": password,
            "log_level": "0",
        }
        self._until(lambda: _lets_in(login), f"login of {name!r}")

    def allow(self, commands: Iterable[str], principal: str = "") -> list[AclBinding]:
        """Carry out lines of `kafka-acls.sh --add`; what was given comes back.

        Parameters
        ----------
        commands : iterable of str
        principal : str
            To whom, instead of the one in the line.
        """
        given = [binding for line in commands for binding in bindings(line, principal)]
        self.give(given)
        return given

    def give(self, rights: list[AclBinding]) -> None:
        """Give rights."""
        for answer in self._own.create_acls(rights).values():
            answer.result(START_S_MAX)
        self._until(lambda: all(map(self._has, rights)), "rights")

    def _has(self, binding: AclBinding) -> bool:
        return bool(self._own.describe_acls(_same(binding)).result(START_S_MAX))

    def forbid(self, binding: AclBinding) -> None:
        """Take a right away."""
        for answer in self._own.delete_acls([_same(binding)]).values():
            assert len(answer.result(START_S_MAX)) == 1
        self._until(lambda: not self._has(binding), "a right that is gone")

    def tls(self, *, name: str = "") -> Tls:
        """What a client trusts, and with a name the certificate by which it is known."""
        if not name:
            return Tls(ca_file=str(self.authority.file))
        certificate, key = self.authority.sign(name)
        return Tls(
            ca_file=str(self.authority.file),
            certificate_file=str(certificate),
            key_file=str(key),
        )

    def scram(self, user: str, password: Secret, mechanism: str = "SCRAM-SHA-512") -> Security:
        """How a user logs in by SCRAM or PLAIN."""
        sasl = Sasl(mechanism=mechanism, username=user, password=password)  # type: ignore[arg-type]
        return Security(security_protocol="SASL_SSL", tls=self.tls(), sasl=sasl)


def _lets_in(login: dict[str, str | int | float | bool]) -> bool:
    try:
        AdminClient(login).list_topics(timeout=1.0)
    except KafkaException:
        return False
    return True


def _same(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def bindings(line: str, principal: str = "") -> list[AclBinding]:
    """Rights that one line of `kafka-acls.sh --add` gives."""
    words = shlex.split(line)
    assert words[0] == "kafka-acls.sh"
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--command-config", required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", required=True)
    for kind in ("topic", "group", "transactional-id"):
        parser.add_argument(f"--{kind}", action="append", default=[])
    parser.add_argument("--resource-pattern-type", default="literal")
    found = parser.parse_args(words[1:])
    kinds = {
        ResourceType.TOPIC: found.topic,
        ResourceType.GROUP: found.group,
        ResourceType.TRANSACTIONAL_ID: found.transactional_id,
    }
    return [
        AclBinding(
            kind,
            name,
            ResourcePatternType[found.resource_pattern_type.upper()],
            principal or found.allow_principal,
            "*",
            AclOperation[operation.upper()],
            AclPermissionType.ALLOW,
        )
        for kind, names in kinds.items()
        for name in names
        for operation in found.operation
    ]


def unsigned_token(user: str, seconds: int = 3600) -> str:
    """A token that Kafka's validator for tests believes."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": user, "iat": now, "exp": now + seconds})
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return ".".join([*(part.decode() for part in coded), ""])


def file_secret(path: Path, text: str) -> Secret:
    """A secret in a file."""
    path.write_text(f"{text}\n")
    return Secret(f"${{file:{path}}}")
