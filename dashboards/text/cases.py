"""What people do about a case."""

TEXT = {
    "case.action": ("Action", "Действие", "Дія"),
    "case.taken": ("Take", "Взять", "Взяти"),
    "case.handled": ("Handled", "Обработано", "Опрацьовано"),
    "case.snoozed": ("Snooze 14 days", "Отложить на 14 дней", "Відкласти на 14 днів"),
    "case.reopened": ("Open again", "Открыть снова", "Відкрити знову"),
    "case.outcome": ("Outcome", "Итог", "Підсумок"),
    "case.outcome.reached": ("Reached", "Дозвонились", "Додзвонилися"),
    "case.outcome.not_reached": ("Not reached", "Не дозвонились", "Не додзвонилися"),
    "case.outcome.offer_made": ("Offer made", "Сделано предложение", "Зроблено пропозицію"),
    "case.outcome.saved": ("Saved", "Удержан", "Утримано"),
    "case.outcome.lost": ("Lost", "Потерян", "Втрачено"),
    "case.outcome.other": ("Other", "Другое", "Інше"),
    "case.save": ("Save", "Сохранить", "Зберегти"),
    "case.saved": (
        "Kept for {subject}. The next run takes it in.",
        "Сохранено для {subject}. Следующий запуск примет это.",
        "Збережено для {subject}. Наступний запуск прийме це.",
    ),
    "case.show_all": (
        "Show handled and snoozed",
        "Показать обработанные и отложенные",
        "Показати опрацьовані та відкладені",
    ),
}
