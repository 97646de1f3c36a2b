"""The provider contract as tests: subclass `ProviderContract`, and pytest or unittest runs them.

    class Service(LoopbackService):
        def answer(self, request: Request) -> Reply:
            if self.is_create(request):
                return Reply(body={"id": "job-1"})
            return Reply(body={"status": "done" if self.is_finished else "pending", "url": self.picture_url})

    class TestMine(ProviderContract):
        declaration = my_package.declaration
        service = Service

        def options(self, base_url: str) -> object:
            return {"base_url": base_url, "timeout": 2}

Each failure is a `ContractViolation`, and its message begins with the requirement. The tests need neither pytest nor a
network; with unittest, name `unittest.TestCase` as a second base.
"""

from __future__ import annotations

from mkdocs_leonardo.testing.contract import ProviderContract
from mkdocs_leonardo.testing.requirements import ContractViolation, Requirement
from mkdocs_leonardo.testing.service import Fault, LoopbackService, Reply, Request

__all__ = ["ContractViolation", "Fault", "LoopbackService", "ProviderContract", "Reply", "Request", "Requirement"]
