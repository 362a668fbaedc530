"""The ASGI application: MiniStack's, with our services installed, state saved, and admin paths."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import psutil
from ministack import app as ministack
from ministack.core import responses

from ratchet.local_cloud.decisions import DecisionLog
from ratchet.local_cloud.emulator import (
    alarms,
    authority,
    bedrock,
    billing,
    buckets,
    checked_handlers,
    deliveries,
    evaluator,
    gateway,
    guard,
    http_needs,
    operations,
    queues,
    request_log,
    space,
    stack_roles,
)
from ratchet.local_cloud.emulator.admin import Admin
from ratchet.local_cloud.emulator.asgi import Message, Receive, Send
from ratchet.local_cloud.emulator.cloud import Emulator
from ratchet.local_cloud.emulator.state import NotSavedError, StateSaver
from ratchet.local_cloud.layout import ACCOUNT, Layout
from ratchet.local_cloud.sagemaker.service import SageMaker, open_sagemaker
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.switches import Switches

if TYPE_CHECKING:
    from ratchet.local_cloud.emulator.stacks import StackOperations

_LOG = logging.getLogger("ratchet.cloud")
_SCHEDULER_SECONDS = 1  # MiniStack looks every ten


class Application:
    """One local cloud as an ASGI application."""

    def __init__(self, *, layout: Layout, region: str, port: int) -> None:
        self._layout = layout
        self._region = region
        self._secret = layout.read_keys()["secret"]
        self._guard = guard.Guard(self._answer, secret=self._secret)
        self._port = port
        self._started = time.time()
        drop = os.environ.get("RATCHET_DROP_SAGEMAKER_EVENTS") == "1"
        self._authority = authority.Authority(
            enforced=ministack.AUTH,
            secret=layout.read_keys()["secret"],
            log=DecisionLog(layout.folder),
        )
        authority.keep_sessions()
        self._emulator = Emulator(
            endpoint=f"http://127.0.0.1:{port}", authority=self._authority, drop_events=drop
        )
        self._switches = Switches.of(os.environ)
        self._prices = billing.price_list(os.environ)
        self._saver = StateSaver(layout.services)
        self._saver.install()
        self._space = space.Space(layout.folder)
        self.failure: Exception | None = None
        """Why the cloud has not come up."""
        self._is_up = False
        self._sagemaker: SageMaker | None = None
        self._installing = threading.Lock()
        self._installed = False
        self._operations: StackOperations | None = None
        self._alarms: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection's event."""
        if scope["type"] == "lifespan":
            await self._live(receive, send, scope)
        else:
            await self._guard(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request that the guard let in."""
        if scope["type"] == "http" and scope["path"].startswith("/_ratchet/"):
            await self._admin().answer(scope, receive, send)
        elif scope["type"] == "http" and space.changes_something(scope):
            await self._change(scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Message, receive: Receive, send: Send) -> None:
        # Nothing but the loopback device is between the two, so the buckets' and queues' rules
        # against plain HTTP (aws:SecureTransport) hold as they would over TLS.
        await ministack.app({**scope, "scheme": "https"}, receive, send)

    async def _live(self, receive: Receive, send: Send, scope: Message) -> None:
        """MiniStack's start and end, with ours. The server would go on after an error at start."""
        try:
            await ministack.app(scope, self._closing(receive), self._opening(send))
        except Exception as error:
            if self._is_up:
                raise
            self.failure = error
            await send({"type": "lifespan.startup.failed", "message": str(error)})

    async def _change(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request that changes something, if that can be saved."""
        size = None if space.makes_room(scope) else space.size_of(scope)
        problem = self._problem(size)
        if problem is not None:
            repeated = await space.refuse(scope, receive, send, problem)
            if repeated is None:
                return
            receive = repeated
        await self._pass_on(scope, receive, send)
        if scope["path"] == "/_ministack/reset":
            self._saver.forget()
            self._authority.log.forget()
            self._authorise()
        self._saver.touch()

    def _problem(self, size: int | None) -> str | None:
        """The reason to refuse a change now; ``size``: its bytes, None if it makes room."""
        problem = None if size is None else self._space.problem(size)
        return problem or self._saver.failure

    def _opening(self, send: Send) -> Send:
        async def opening(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._open()
            await send(message)

        return opening

    def _closing(self, receive: Receive) -> Receive:
        async def closing() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self._sagemaker:
                # Off the loop: the running steps may write to S3 until they are ended.
                await asyncio.to_thread(self._sagemaker.end)
                try:
                    await self._saver.close()
                except NotSavedError as error:
                    _LOG.error("the last changes are lost: %s", error)
                finally:
                    self._sagemaker.store.close()
                    self._authority.log.close()
            return message

        return closing

    def _open(self) -> None:
        """Called when MiniStack has loaded its state, before the first request."""
        model = responses._service_model("sagemaker")
        self._emulator.start(asyncio.get_running_loop())
        self._sagemaker = open_sagemaker(
            self._layout.folder,
            cloud=self._emulator,
            model=model,
            switches=self._switches,
        )
        gateway.install(gateway.Gateway(self._sagemaker))
        if ministack.AUTH:
            evaluator.install(
                self._authority.log,
                keys=http_needs.resource_keys(self._sagemaker.api.tags),
                granted=http_needs.kms_grant,
                requests=request_log.of_environment(os.environ),
            )
            operations.install()
            http_needs.install()
            checked_handlers.install(self._authority)
            stack_roles.install_requests()
            self._authority.log.start()
            self._authorise()
        billing.install(self._sagemaker.api, self._prices, self._switches)
        bedrock.install(self._sagemaker.api, self._emulator, self._switches)
        self._emulator.outbox = self._sagemaker.api.outbox
        self._emulator.problem, self._emulator.changed = self._problem, self._saver.touch
        self._saver.follow(self._sagemaker.api.outbox.delivered)
        for arn in self._sagemaker.recover():
            _LOG.warning("%s was running when the local cloud was killed: failed", arn)
        for service in ("cloudformation", "lambda", "s3"):
            handler = ministack.SERVICE_HANDLERS[service]
            ministack.SERVICE_HANDLERS[service] = self._after_install(handler)
        self._saver.start()
        self._watch_alarms()
        self._sagemaker.monitors.start()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._install, args=(loop,), name="install", daemon=True).start()
        self._layout.write_endpoint(
            {
                "up": True,
                "pid": os.getpid(),
                "created": psutil.Process().create_time(),
                "started": self._started,
                "port": self._port,
                "region": self._region,
                "enforced": ministack.AUTH,
            }
        )
        self._is_up = True
        _LOG.info("the local cloud is up at %s", self._emulator.endpoint())

    def _authorise(self) -> None:
        """The folder's key is that of an administrator, whatever has become of IAM's users."""
        if ministack.AUTH:
            scope = AccountScope(account=ACCOUNT, region=self._region)
            self._authority.appoint(scope, self._layout.read_keys())

    def _watch_alarms(self) -> None:
        cloudwatch = ministack._get_module("cloudwatch")
        if ministack.AUTH:
            deliveries.check_alarms(cloudwatch)
        watch = alarms.Alarms(cloudwatch, self._emulator, self._switches)
        watch.install()
        self._alarms = asyncio.create_task(watch.run())

    def _install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Mend what needs MiniStack's larger modules; their import is not waited for at start."""
        with self._installing:
            if self._installed or self._sagemaker is None:
                return
            from ministack.core import lambda_runtime
            from ministack.services.cloudformation import provisioners

            from ratchet.local_cloud.emulator import (
                budgets,
                cloudformation,
                conditions,
                deliveries,
                function_environment,
                function_side,
                log_groups,
                multipart_uploads,
                object_digests,
                object_reads,
                objects,
                recorded_types,
                request_bodies,
                schedules,
                service_roles,
                stack_events,
                stacks,
                topics,
            )

            api, model = self._sagemaker.api, responses._service_model("sagemaker")
            sqs, functions = ministack._get_module("sqs"), ministack._get_module("lambda_svc")
            function_environment.install(lambda_runtime, functions)
            queues.install(sqs, functions)
            s3 = ministack._get_module("s3")
            buckets.install(s3, provisioners)
            object_reads.install(s3)
            object_digests.install(s3)
            multipart_uploads.install(s3)
            objects.install(s3, api.outbox)
            request_bodies.install(ministack)
            topics.install(ministack._get_module("sns"), provisioners)
            cloudformation.install(self._sagemaker, model)
            recorded_types.install(api)
            budgets.install()
            log_groups.install(provisioners)
            conditions.install()
            stack_events.install(self._emulator)
            scheduler = ministack._get_module("scheduler")
            scheduler._SCHEDULE_TICK_INTERVAL = _SCHEDULER_SECONDS
            schedules.install(scheduler, ministack._get_module("eventbridge"), provisioners)
            deliveries.Deliveries(self._authority, self._emulator, api).install()
            if ministack.AUTH:
                service_roles.install(self._authority)
                stack_roles.install(self._authority)
                function_side.install(self._authority, functions=functions, sqs=sqs)
            operations = stacks.StackOperations(
                self._saver.commit, cloudformation.sweep(self._sagemaker, model)
            )
            operations.install()
            self._operations = operations
            self._installed = True
            loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        """Resume the work that a kill interrupted. On the loop."""
        assert self._sagemaker is not None
        assert self._operations is not None
        messages = queues.show_again(
            ministack._get_module("sqs"), ministack._get_module("lambda_svc")
        )
        events = self._sagemaker.api.outbox.deliver_again()
        stacks = self._operations.resume()
        if messages or events or stacks:
            _LOG.warning(
                "after a kill: %d events and %d messages are delivered again; resumed stacks: %s",
                *(events, messages, ", ".join(stacks) or "none"),
            )

    def _after_install(self, handler: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        async def handle(*request: Any) -> Any:
            if not self._installed:
                await asyncio.to_thread(self._install, asyncio.get_running_loop())
            assert self._operations is not None
            return await self._operations.answering(handler)(*request)

        return handle

    def _admin(self) -> Admin:
        assert self._sagemaker is not None
        facts = {
            "folder": str(self._layout.folder),
            "pid": os.getpid(),
            "region": self._region,
            "started": self._started,
            "enforced": ministack.AUTH,
        }
        return Admin(
            self._sagemaker,
            self._emulator,
            self._saver,
            self._prices,
            facts,
            secret=self._secret,
        )
