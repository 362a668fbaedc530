"""Pipeline executions and the data that they ran on: state, logs, reports."""
