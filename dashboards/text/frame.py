"""The frame: navigation, filters, states, roles."""

TEXT = {
    "frame.role": ("Role", "Роль", "Роль"),
    "frame.sign_in": ("Sign in", "Вход", "Вхід"),
    "frame.sign_in.why": (
        "Pages show what your role may see.",
        "Страницы показывают то, что разрешено вашей роли.",
        "Сторінки показують те, що дозволено вашій ролі.",
    ),
    "frame.sign_in.button": ("Sign in", "Войти", "Увійти"),
    "frame.sign_out": ("Sign out", "Выйти", "Вийти"),
    "group.leadership": ("Leadership", "Руководство", "Керівництво"),
    "group.revenue": ("Revenue", "Выручка", "Дохід"),
    "group.customers": ("Customers", "Клиенты", "Клієнти"),
    "group.operations": ("Operations", "Операции", "Операції"),
    "role.leadership": ("Leadership", "Руководство", "Керівництво"),
    "role.sales": ("Sales", "Продажи", "Продажі"),
    "role.marketing": ("Marketing", "Маркетинг", "Маркетинг"),
    "role.customer_success": ("Customer success", "Работа с клиентами", "Робота з клієнтами"),
    "role.operator": ("Operator", "Оператор", "Оператор"),
    "filter.period": ("Period", "Период", "Період"),
    "filter.as_of": ("As of", "На дату", "На дату"),
    "filter.as_of.help": (
        "Months and alerts as they stood on that day. The publication stands as of {at}; "
        "`dealhouse run --as-of` rebuilds everything for a past day.",
        "Месяцы и оповещения на этот день. Публикация составлена на {at}; "
        "`dealhouse run --as-of` перестраивает всё на прошлую дату.",
        "Місяці та сповіщення на цей день. Публікацію складено на {at}; "
        "`dealhouse run --as-of` перебудовує все на минулу дату.",
    ),
    "filter.tenant": ("Tenant", "Компания", "Компанія"),
    "filter.industry": ("Industry", "Отрасль", "Галузь"),
    "filter.client_type": ("Client type", "Тип клиента", "Тип клієнта"),
    "filter.budget_band": ("Budget", "Бюджет", "Бюджет"),
    "filter.owner": ("Owner", "Ответственный", "Відповідальний"),
    "filter.pipeline": ("Pipeline", "Воронка", "Воронка"),
    "filter.all": ("All", "Все", "Усі"),
    "filter.reset": ("Reset", "Сбросить", "Скинути"),
    "badge.fresh": ("Fresh · {age} ago", "Свежее · {age} назад", "Свіже · {age} тому"),
    "badge.stale": ("Late · {age} ago", "Устарело · {age} назад", "Застаріло · {age} тому"),
    "badge.checks": ("{count} checks failed", "Не прошло проверок: {count}", "Не пройшло перевірок: {count}"),
    "card.rows": ("Rows", "Строки", "Рядки"),
    "card.export": (
        "Take these rows away as {format}.",
        "Выгрузить эти строки в {format}.",
        "Вивантажити ці рядки у {format}.",
    ),
    "table.open": ("Open it", "Открыть", "Відкрити"),
    "state.nothing_published": (
        "Nothing is published yet. Take in events, build and publish:",
        "Пока ничего не опубликовано. Примите события, постройте и опубликуйте:",
        "Поки нічого не опубліковано. Прийміть події, побудуйте та опублікуйте:",
    ),
    "state.no_data": (
        "The publication holds no data that your role may see. Put files of events into the inbox and start "
        "`dealhouse run`, or ask who gives out roles.",
        "В публикации нет данных, доступных вашей роли. Положите файлы событий во входящие и запустите "
        "`dealhouse run` или обратитесь к тому, кто выдаёт роли.",
        "У публікації немає даних, доступних вашій ролі. Покладіть файли подій до вхідних і запустіть "
        "`dealhouse run` або зверніться до того, хто видає ролі.",
    ),
    "card.ignored": ("not filtered by: {filters}", "без фильтров: {filters}", "без фільтрів: {filters}"),
    "card.ignored.some": (
        "Some of these are not filtered by: {filters}",
        "Не на всё здесь действуют фильтры: {filters}",
        "Не на все тут діють фільтри: {filters}",
    ),
    "state.empty": (
        "There is nothing here for this period yet.",
        "За этот период здесь пока ничего нет.",
        "За цей період тут поки нічого немає.",
    ),
    "state.filtered": (
        "Nothing matches these filters. Reset them to see all.",
        "Ничего не подходит под фильтры. Сбросьте их, чтобы увидеть всё.",
        "Нічого не відповідає фільтрам. Скиньте їх, щоб побачити все.",
    ),
    "state.lacking": (
        "This publication has no {what}: it was made by another version. The next `dealhouse run` adds it.",
        "В этой публикации нет {what}: её сделала другая версия. Следующий `dealhouse run` добавит.",
        "У цій публікації немає {what}: її зробила інша версія. Наступний `dealhouse run` додасть.",
    ),
    "state.stale": (
        "These numbers are of {at}. No run has published since; `dealhouse status` says why.",
        "Эти числа на {at}. С тех пор ничего не публиковалось; `dealhouse status` скажет почему.",
        "Ці числа на {at}. Відтоді нічого не публікувалося; `dealhouse status` скаже чому.",
    ),
    "state.card_failed": (
        "This card could not be drawn. The log says why under {number}.",
        "Карточку не удалось показать. Причина в журнале под номером {number}.",
        "Картку не вдалося показати. Причина в журналі під номером {number}.",
    ),
    "state.page_failed": (
        "This page could not be drawn. The log says why under {number}.",
        "Страницу не удалось показать. Причина в журнале под номером {number}.",
        "Сторінку не вдалося показати. Причина в журналі під номером {number}.",
    ),
    "state.not_allowed": (
        "Your role does not open this page. Nothing was read for it.",
        "Ваша роль не открывает эту страницу. Для неё ничего не читалось.",
        "Ваша роль не відкриває цю сторінку. Для неї нічого не читалося.",
    ),
    "state.no_role": ("No role", "Нет роли", "Немає ролі"),
    "state.no_role.todo": (
        "Nobody has given you a role here yet, or your sign-in does not vouch for your e-mail address. "
        "Ask who runs Dealhouse; nothing is shown until then.",
        "Вам ещё не выдали роль, или сервис входа не подтверждает ваш адрес почты. "
        "Обратитесь к администратору Dealhouse; до тех пор ничего не показывается.",
        "Вам ще не надали роль, або сервіс входу не підтверджує вашу адресу пошти. "
        "Зверніться до адміністратора Dealhouse; доти нічого не показується.",
    ),
}
