"""Mails for people: the weekly and the monthly report, and notices of alerts.

All numbers in them are values of published marts, as they stand there; what is done here is choosing rows and writing
them down. How a value is written belongs to :mod:`warehouse.numbers`, how mail is sent to :mod:`warehouse.mail`.
"""
