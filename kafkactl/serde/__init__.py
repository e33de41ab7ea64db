"""Formats of keys and values: conversion between bytes and text, by format name."""
